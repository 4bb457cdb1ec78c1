import { type Filters, formatFilters } from "../api/http/filters.ts";
import type {
  Volume,
  VolumeCreateRequest,
  VolumeListResponse,
  VolumePruneResponse,
} from "../api/types/volume.ts";
import { segment } from "./query.ts";
import type { Transport } from "./transport.ts";

/** Calls of `/volumes`. */
export class VolumesClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(filters?: Filters): Promise<VolumeListResponse> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "GET", path: "/volumes", query });
  }

  create(request: VolumeCreateRequest): Promise<Volume> {
    return this.#transport.json({ method: "POST", path: "/volumes/create", json: request });
  }

  inspect(name: string): Promise<Volume> {
    return this.#transport.json({ method: "GET", path: `/volumes/${segment(name)}` });
  }

  async remove(name: string, { force }: { readonly force?: boolean | undefined } = {}): Promise<void> {
    await this.#transport.status({ method: "DELETE", path: `/volumes/${segment(name)}`, query: { force } });
  }

  prune(filters?: Filters): Promise<VolumePruneResponse> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "POST", path: "/volumes/prune", query });
  }
}
