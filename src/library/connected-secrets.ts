import type { Secret } from "../api/types/secret.ts";
import type { Client } from "../client/client.ts";
import type { SecretDetails, Secrets, SecretSpec } from "../model/secrets.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

/** The secrets of an engine behind a socket. */
export class ConnectedSecrets implements Secrets {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async create({ name, value, driver, labels, replace }: SecretSpec): Promise<SecretDetails> {
    const made = await this.#client.secrets.create({
      Name: name,
      Data: Buffer.from(value).toString("base64"),
      Driver: driver,
      Labels: labels,
      Replace: replace,
    });
    return detailsOf(made);
  }

  async list({
    filters,
  }: {
    readonly filters?: Filters | undefined;
  } = {}): Promise<readonly SecretDetails[]> {
    return (await this.#client.secrets.list(filters)).map(detailsOf);
  }

  async inspect(reference: string): Promise<SecretDetails> {
    return detailsOf(await this.#client.secrets.inspect(reference));
  }

  async read(reference: string): Promise<Uint8Array> {
    const { Data = "" } = await this.#client.secrets.inspect(reference, { value: true });
    return Buffer.from(Data, "base64");
  }

  remove(reference: string): Promise<string> {
    return this.#client.secrets.remove(reference);
  }
}

function detailsOf({ ID, CreatedAt, UpdatedAt, Spec }: Secret): SecretDetails {
  return {
    id: ID,
    name: Spec.Name,
    driver: "file",
    createdAt: Date.parse(CreatedAt),
    updatedAt: Date.parse(UpdatedAt),
    labels: Spec.Labels,
  };
}
