import { type Filters, formatFilters } from "../api/filters.ts";
import type {
  DistributionInspect,
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImageSummary,
  ImageTree,
} from "../api/types/image.ts";
import type { ImagesPruneReport } from "../api/types/usage.ts";
import type { ProgressMessage } from "../api/types/progress.ts";
import type { Signaled } from "./containers.ts";
import { imageSegment } from "./query.ts";
import type { Transport } from "./transport.ts";

/** Calls of `/images`. An image is named by a reference, its id or the beginning of its id. */
export class ImagesClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(options: { readonly all?: boolean; readonly filters?: Filters } = {}): Promise<ImageSummary[]> {
    const query = { all: options.all, filters: formatFilters(options.filters) };
    return this.#transport.json({ method: "GET", path: "/images/json", query });
  }

  inspect(reference: string): Promise<ImageInspect> {
    return this.#transport.json({ method: "GET", path: `/images/${imageSegment(reference)}/json` });
  }

  history(reference: string): Promise<ImageHistoryItem[]> {
    return this.#transport.json({ method: "GET", path: `/images/${imageSegment(reference)}/history` });
  }

  /** Which layers all images share, or these. */
  tree(references: readonly string[] = []): Promise<ImageTree> {
    return this.#transport.json({ method: "GET", path: "/tare/images/tree", query: { names: references } });
  }

  async tag(
    reference: string,
    target: { readonly repository: string; readonly tag?: string | undefined },
  ): Promise<void> {
    const query = { repo: target.repository, tag: target.tag };
    await this.#transport.status({ method: "POST", path: `/images/${imageSegment(reference)}/tag`, query });
  }

  remove(
    reference: string,
    options: { readonly force?: boolean; readonly noPrune?: boolean } = {},
  ): Promise<ImageDeleteItem[]> {
    const query = { force: options.force, noprune: options.noPrune };
    return this.#transport.json({ method: "DELETE", path: `/images/${imageSegment(reference)}`, query });
  }

  /** Docker's filters: dangling, label, label!, until. */
  prune(filters: Filters = {}): Promise<ImagesPruneReport> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "POST", path: "/images/prune", query });
  }

  /** Failures while loading come as a message with `error`. */
  load(
    archive: AsyncIterable<Uint8Array>,
    { quiet, signal }: { readonly quiet?: boolean } & Signaled = {},
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    return this.#transport.lines({
      method: "POST",
      path: "/images/load",
      query: { quiet: quiet === true ? "1" : "0" },
      stream: archive,
      signal,
    });
  }

  /** Makes an image of a root file system as tar. The last message's status is the new id. */
  import(
    archive: AsyncIterable<Uint8Array>,
    options: {
      readonly repository?: string | undefined;
      readonly tag?: string | undefined;
      readonly message?: string | undefined;
      readonly changes?: readonly string[];
      readonly platform?: string | undefined;
    } & Signaled = {},
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const { repository, tag, message, changes, platform, signal } = options;
    const query = { fromSrc: "-", repo: repository, tag, message, changes, platform };
    return this.#transport.lines({ method: "POST", path: "/images/create", query, stream: archive, signal });
  }

  /** What the registry has under a name. */
  lookUp(
    reference: string,
    { auth, signal }: { readonly auth?: string | undefined } & Signaled = {},
  ): Promise<DistributionInspect> {
    return this.#transport.json({
      method: "GET",
      path: `/distribution/${imageSegment(reference)}/json`,
      signal,
      ...(auth === undefined ? {} : { headers: { "X-Registry-Auth": auth } }),
    });
  }

  /** One archive of them all. */
  async save(
    references: readonly string[],
    { signal }: Signaled = {},
  ): Promise<AsyncGenerator<Buffer, void, undefined>> {
    const query = { names: references };
    const reply = await this.#transport.call({ method: "GET", path: "/images/get", query, signal });
    return reply[Symbol.asyncIterator]();
  }

  /** Failures while pushing come as a message with `error`. */
  push(
    repository: string,
    options: { readonly tag: string; readonly auth?: string | undefined } & Signaled,
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const { signal, auth = "", tag } = options;
    return this.#transport.lines({
      method: "POST",
      path: `/images/${imageSegment(repository)}/push`,
      query: { tag },
      signal,
      // Docker wants the header, if an empty one.
      headers: { "X-Registry-Auth": auth === "" ? "e30=" : auth },
    });
  }

  /** Failures while pulling come as a message with `error`. */
  pull(
    repository: string,
    options: {
      readonly tag?: string | undefined;
      readonly platform?: string | undefined;
      /** X-Registry-Auth. */
      readonly auth?: string | undefined;
    } & Signaled = {},
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const { signal, auth, ...rest } = options;
    const query = { fromImage: repository, ...rest };
    return this.#transport.lines({
      method: "POST",
      path: "/images/create",
      query,
      signal,
      ...(auth === undefined ? {} : { headers: { "X-Registry-Auth": auth } }),
    });
  }
}
