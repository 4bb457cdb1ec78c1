import { Failure } from "../../base/failure.ts";
import { hasLabel } from "../labels.ts";
import type { SecretDetails, Secrets, SecretSpec } from "../../model/secrets.ts";
import type { SecretRecord } from "../state/records.ts";
import type { SecretCatalog } from "./secret-catalog.ts";

type Filter = (record: SecretRecord, values: readonly string[]) => boolean;

const filters: Readonly<Record<string, Filter>> = {
  name: ({ name }, values) => values.some((value) => matchesName(name, value)),
  id: ({ id }, values) => values.some((value) => id.startsWith(value)),
  label: ({ labels }, values) => values.every((value) => hasLabel(labels, value)),
};

/** The secrets of one data root. */
export class LocalSecrets implements Secrets {
  readonly #catalog: SecretCatalog;

  constructor(catalog: SecretCatalog) {
    this.#catalog = catalog;
  }

  async create(spec: SecretSpec): Promise<SecretDetails> {
    return describe(await this.#catalog.create(spec));
  }

  async list({
    filters: wanted = {},
  }: {
    readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
  } = {}): Promise<readonly SecretDetails[]> {
    for (const key of Object.keys(wanted)) {
      if (!Object.hasOwn(filters, key)) throw new Failure("invalid", `invalid filter "${key.slice(0, 100)}"`);
    }
    return this.#catalog
      .list()
      .filter((record) =>
        Object.entries(wanted).every(
          ([key, values]) => values.length === 0 || filters[key]?.(record, values) === true,
        ),
      )
      .map(describe);
  }

  async inspect(reference: string): Promise<SecretDetails> {
    return describe(this.#catalog.get(reference));
  }

  async read(reference: string): Promise<Uint8Array> {
    return this.#catalog.read(this.#catalog.get(reference));
  }

  async remove(reference: string): Promise<string> {
    return await this.#catalog.remove(reference);
  }
}

function describe({ id, name, createdAt, updatedAt, labels }: SecretRecord): SecretDetails {
  return { id, name, driver: "file", createdAt, updatedAt, labels };
}

/** A regular expression, as in podman. Throws "invalid" for what is none. */
function matchesName(name: string, pattern: string): boolean {
  if (/^[\w.-]*$/.test(pattern) && name.includes(pattern)) return true;
  try {
    return new RegExp(pattern).test(name);
  } catch {
    throw new Failure(
      "invalid",
      `invalid filter "name=${pattern.slice(0, 100)}": it is no regular expression`,
    );
  }
}
