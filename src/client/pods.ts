import { type Filters, formatFilters } from "../api/http/filters.ts";
import { spellOutRequest } from "../api/container/spell-out-request.ts";
import type { Pod, PodCreateRequest, PodCreateResponse, PodPruneResponse } from "../api/types/pod.ts";
import { segment } from "./query.ts";
import type { Transport } from "./transport.ts";

/** Calls about pods, which only Tare has. */
export class PodsClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(filters?: Filters): Promise<Pod[]> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "GET", path: "/tare/pods", query });
  }

  create(request: PodCreateRequest): Promise<PodCreateResponse> {
    const json = this.#transport.isSameBuild ? request : spellOutRequest(request);
    return this.#transport.json({ method: "POST", path: "/tare/pods/create", json });
  }

  inspect(reference: string): Promise<Pod> {
    return this.#transport.json({ method: "GET", path: `${pathOf(reference)}/json` });
  }

  async act(reference: string, verb: "start" | "pause" | "unpause"): Promise<void> {
    await this.#transport.status({ method: "POST", path: `${pathOf(reference)}/${verb}` });
  }

  async end(
    reference: string,
    verb: "stop" | "restart",
    { graceSeconds }: { readonly graceSeconds?: number | undefined } = {},
  ): Promise<void> {
    const query = { t: graceSeconds };
    await this.#transport.status({ method: "POST", path: `${pathOf(reference)}/${verb}`, query });
  }

  async kill(reference: string, { signal }: { readonly signal?: string | undefined } = {}): Promise<void> {
    await this.#transport.status({ method: "POST", path: `${pathOf(reference)}/kill`, query: { signal } });
  }

  async remove(reference: string, { force }: { readonly force?: boolean | undefined } = {}): Promise<void> {
    await this.#transport.status({ method: "DELETE", path: pathOf(reference), query: { force } });
  }

  prune(filters?: Filters): Promise<PodPruneResponse> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "POST", path: "/tare/pods/prune", query });
  }
}

function pathOf(reference: string): string {
  return `/tare/pods/${segment(reference)}`;
}
