import { maximumVersion } from "../api/http/version.ts";
import { type Filters, formatFilters } from "../api/http/filters.ts";
import type {
  EndpointSettings,
  Network,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkPruneResponse,
} from "../api/types/network.ts";
import { segment } from "./query.ts";
import type { Transport } from "./transport.ts";

/** Calls of `/networks`. */
export class NetworksClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(filters?: Filters): Promise<readonly Network[]> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "GET", path: "/networks", query });
  }

  create(request: NetworkCreateRequest): Promise<NetworkCreateResponse> {
    return this.#transport.json({ method: "POST", path: "/networks/create", json: request });
  }

  inspect(
    reference: string,
    options: { readonly verbose?: boolean | undefined; readonly scope?: string | undefined } = {},
  ): Promise<Network> {
    return this.#transport.json({ method: "GET", path: `/networks/${segment(reference)}`, query: options });
  }

  async remove(reference: string): Promise<void> {
    await this.#transport.status({ method: "DELETE", path: `/networks/${segment(reference)}` });
  }

  async connect(reference: string, container: string, settings: EndpointSettings = {}): Promise<void> {
    const json = { Container: container, EndpointConfig: settings };
    await this.#transport.status({
      method: "POST",
      path: `/networks/${segment(reference)}/connect`,
      json,
      version: maximumVersion, // since 1.54 with a MAC address
    });
  }

  async disconnect(
    reference: string,
    container: string,
    { force = false }: { readonly force?: boolean | undefined } = {},
  ): Promise<void> {
    const json = { Container: container, Force: force };
    await this.#transport.status({
      method: "POST",
      path: `/networks/${segment(reference)}/disconnect`,
      json,
    });
  }

  prune(filters?: Filters): Promise<NetworkPruneResponse> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "POST", path: "/networks/prune", query });
  }
}
