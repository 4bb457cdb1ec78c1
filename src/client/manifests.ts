import type {
  ManifestAnnotation,
  ManifestList,
  ManifestListRequest,
  RegistryManifest,
} from "../api/types/manifest.ts";
import type { ProgressMessage } from "../api/types/progress.ts";
import type { Signaled } from "./containers.ts";
import { imageSegment } from "./query.ts";
import type { Transport } from "./transport.ts";

/** X-Registry-Config, for all registries that may be asked. */
export interface RegistryConfigured extends Signaled {
  readonly registryConfig?: string | undefined;
}

/** Calls about manifest lists, which only Tare has. */
export class ManifestsClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  create(request: ManifestListRequest, options: RegistryConfigured = {}): Promise<ManifestList> {
    const path = "/tare/manifest-lists/create";
    return this.#transport.json({ method: "POST", path, json: request, ...configured(options) });
  }

  annotate(name: string, annotation: ManifestAnnotation): Promise<ManifestList> {
    return this.#transport.json({ method: "POST", path: `${pathOf(name)}/annotate`, json: annotation });
  }

  inspect(name: string): Promise<ManifestList> {
    return this.#transport.json({ method: "GET", path: `${pathOf(name)}/json` });
  }

  list(): Promise<ManifestList[]> {
    return this.#transport.json({ method: "GET", path: "/tare/manifest-lists" });
  }

  /** Failures while pushing come as a message with `error`; the last message has the digest. */
  push(
    name: string,
    {
      purge,
      insecure,
      ...options
    }: { readonly purge?: boolean | undefined; readonly insecure?: boolean | undefined } & RegistryConfigured,
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const query = { purge, insecure };
    return this.#transport.lines({
      method: "POST",
      path: `${pathOf(name)}/push`,
      query,
      ...configured(options),
    });
  }

  async remove(name: string): Promise<void> {
    await this.#transport.status({ method: "DELETE", path: pathOf(name) });
  }

  /** From its registry, unread. */
  fetch(
    reference: string,
    { insecure, ...options }: { readonly insecure?: boolean | undefined } & RegistryConfigured = {},
  ): Promise<RegistryManifest> {
    const path = `/tare/manifests/${imageSegment(reference)}/json`;
    return this.#transport.json({ method: "GET", path, query: { insecure }, ...configured(options) });
  }
}

function pathOf(name: string): string {
  return `/tare/manifest-lists/${imageSegment(name)}`;
}

function configured({ registryConfig, signal }: RegistryConfigured): {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
} {
  return { headers: registryConfig === undefined ? {} : { "X-Registry-Config": registryConfig }, signal };
}
