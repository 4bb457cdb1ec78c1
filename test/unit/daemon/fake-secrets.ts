import { Failure } from "../../../src/base/failure.ts";
import type { SecretDetails, Secrets, SecretSpec } from "../../../src/model/secrets.ts";

/** Secrets in memory. */
export class FakeSecrets implements Secrets {
  readonly known: (SecretDetails & { readonly value: Uint8Array })[] = [];
  filters: unknown;

  async create({ name, value, labels = {}, replace = false }: SecretSpec): Promise<SecretDetails> {
    const at = this.known.findIndex((secret) => secret.name === name);
    if (at >= 0 && !replace)
      throw new Failure("conflict", `cannot create the secret: ${name}: secret name in use`);
    if (at >= 0) this.known.splice(at, 1);
    const createdAt = Date.parse("2026-01-02T03:04:05.678Z");
    const made = {
      id: `${this.known.length}`.padStart(25, "a"),
      name,
      driver: "file" as const,
      createdAt,
      updatedAt: createdAt,
      labels,
      value,
    };
    this.known.push(made);
    return made;
  }

  async list({ filters }: { readonly filters?: unknown } = {}): Promise<readonly SecretDetails[]> {
    this.filters = filters;
    return this.known;
  }

  async inspect(reference: string): Promise<SecretDetails> {
    return this.#find(reference);
  }

  async read(reference: string): Promise<Uint8Array> {
    return this.#find(reference).value;
  }

  async remove(reference: string): Promise<string> {
    const found = this.#find(reference);
    this.known.splice(this.known.indexOf(found), 1);
    return found.id;
  }

  #find(reference: string): SecretDetails & { readonly value: Uint8Array } {
    const found = this.known.find(({ name, id }) => name === reference || id === reference);
    if (found === undefined)
      throw new Failure("not-found", `no secret with name or id "${reference}": no such secret`);
    return found;
  }
}
