import { type Filters, formatFilters } from "../api/http/filters.ts";
import type { Secret, SecretCreateRequest } from "../api/types/secret.ts";
import { segment } from "./query.ts";
import type { Transport } from "./transport.ts";

/** Calls of `/tare/secrets`. */
export class SecretsClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(filters?: Filters): Promise<readonly Secret[]> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "GET", path: "/tare/secrets", query });
  }

  create(request: SecretCreateRequest): Promise<Secret> {
    return this.#transport.json({ method: "POST", path: "/tare/secrets/create", json: request });
  }

  /** By name, id or the beginning of an id; with `value` its `Data`, too. */
  inspect(reference: string, { value }: { readonly value?: boolean | undefined } = {}): Promise<Secret> {
    const query = { showsecret: value };
    return this.#transport.json({ method: "GET", path: `/tare/secrets/${segment(reference)}/json`, query });
  }

  /** Returns its id. */
  async remove(reference: string): Promise<string> {
    const path = `/tare/secrets/${segment(reference)}`;
    return (await this.#transport.json<{ readonly ID: string }>({ method: "DELETE", path })).ID;
  }
}
