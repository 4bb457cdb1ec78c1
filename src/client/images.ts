import { defined } from "../base/defined.ts";
import {
  decryptionKeysHeader,
  encryptionKeysHeader,
  formatKeysHeader,
} from "../api/image/encryption-keys.ts";
import { type Filters, formatFilters } from "../api/http/filters.ts";
import type {
  DistributionInspect,
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImageSearchResult,
  ImageSummary,
  ImageTree,
} from "../api/types/image.ts";
import type { ImagesPruneReport } from "../api/types/usage.ts";
import type { ProgressMessage } from "../api/types/progress.ts";
import type { Signaled } from "./containers.ts";
import { imageSegment } from "./query.ts";
import type { Transport } from "./transport.ts";

interface Platformed {
  /** `linux/arm64`; what is for another one is not found. */
  readonly platform?: string | undefined;
}

/** Calls of `/images`. An image is named by a reference, its id or the beginning of its id. */
export class ImagesClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(
    options: {
      readonly all?: boolean | undefined;
      readonly manifests?: boolean | undefined;
      readonly filters?: Filters | undefined;
    } = {},
  ): Promise<ImageSummary[]> {
    const { all, manifests } = options;
    const query = { all, manifests, filters: formatFilters(options.filters) };
    return this.#transport.json({ method: "GET", path: "/images/json", query });
  }

  inspect(
    reference: string,
    { platform, manifests }: Platformed & { readonly manifests?: boolean | undefined } = {},
  ): Promise<ImageInspect> {
    const path = `/images/${imageSegment(reference)}/json`;
    return this.#transport.json({ method: "GET", path, query: { platform, manifests } });
  }

  history(reference: string, { platform }: Platformed = {}): Promise<ImageHistoryItem[]> {
    const path = `/images/${imageSegment(reference)}/history`;
    return this.#transport.json({ method: "GET", path, query: { platform } });
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
    options: {
      readonly force?: boolean | undefined;
      readonly noPrune?: boolean | undefined;
      readonly platforms?: readonly string[] | undefined;
    } = {},
  ): Promise<ImageDeleteItem[]> {
    const query = { force: options.force, noprune: options.noPrune, platforms: options.platforms };
    return this.#transport.json({ method: "DELETE", path: `/images/${imageSegment(reference)}`, query });
  }

  search(
    term: string,
    options: {
      readonly limit?: number | undefined;
      readonly filters?: Filters | undefined;
      readonly auth?: string | undefined;
    } & Signaled = {},
  ): Promise<ImageSearchResult[]> {
    const { limit, filters, auth, signal } = options;
    return this.#transport.json({
      method: "GET",
      path: "/images/search",
      query: { term, limit, filters: formatFilters(filters) },
      signal,
      headers: auth === undefined ? undefined : { "X-Registry-Auth": auth },
    });
  }

  /** Docker's filters: dangling, label, label!, until. */
  prune(filters: Filters = {}): Promise<ImagesPruneReport> {
    const query = { filters: formatFilters(filters) };
    return this.#transport.json({ method: "POST", path: "/images/prune", query });
  }

  /** Failures while loading come as a message with `error`. */
  load(
    archive: AsyncIterable<Uint8Array>,
    options: {
      readonly quiet?: boolean | undefined;
      /** Private keys in PEM. */
      readonly decryptionKeys?: readonly string[] | undefined;
    } & Platformed &
      Signaled = {},
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const { quiet, platform, signal, decryptionKeys = [] } = options;
    return this.#transport.lines({
      method: "POST",
      path: "/images/load",
      headers: decryptionHeaders(decryptionKeys),
      query: { quiet: quiet === true ? "1" : "0", platform },
      stream: archive,
      signal,
    });
  }

  /**
   * Makes an image of a root file system as tar, or of what the daemon fetches. The last message's status is the new
   * id.
   */
  import(
    archive: AsyncIterable<Uint8Array> | URL,
    options: {
      readonly repository?: string | undefined;
      readonly tag?: string | undefined;
      readonly message?: string | undefined;
      readonly changes?: readonly string[] | undefined;
      readonly platform?: string | undefined;
    } & Signaled = {},
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const { repository, tag, message, changes, platform, signal } = options;
    const isUrl = archive instanceof URL;
    const fromSrc = isUrl ? archive.href : "-";
    return this.#transport.lines({
      method: "POST",
      path: "/images/create",
      query: { fromSrc, repo: repository, tag, message, changes, platform },
      signal,
      stream: isUrl ? undefined : archive,
    });
  }

  /** The content of a registry under a name. */
  lookUp(
    reference: string,
    { auth, signal }: { readonly auth?: string | undefined } & Signaled = {},
  ): Promise<DistributionInspect> {
    return this.#transport.json({
      method: "GET",
      path: `/distribution/${imageSegment(reference)}/json`,
      signal,
      headers: auth === undefined ? undefined : { "X-Registry-Auth": auth },
    });
  }

  /** One archive of them all. */
  async save(
    references: readonly string[],
    { platform, signal }: Platformed & Signaled = {},
  ): Promise<AsyncGenerator<Buffer, void, undefined>> {
    const query = { names: references, platform };
    const reply = await this.#transport.call({ method: "GET", path: "/images/get", query, signal });
    return reply[Symbol.asyncIterator]();
  }

  /** Without a tag: all that are there. Failures while pushing come as a message with `error`. */
  push(
    repository: string,
    options: {
      readonly tag?: string | undefined;
      readonly auth?: string | undefined;
      /** Of layers that are not compressed: gzip (default), zstd. */
      readonly compression?: string | undefined;
      /** Public keys in PEM. */
      readonly encryptionKeys?: readonly string[] | undefined;
      readonly encryptLayers?: readonly number[] | undefined;
      /** Registries may have any certificate, or none. */
      readonly insecure?: boolean | undefined;
    } & Platformed &
      Signaled,
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const { signal, auth = "", tag, platform, compression, insecure } = options;
    const { encryptionKeys = [], encryptLayers = [] } = options;
    return this.#transport.lines({
      method: "POST",
      path: `/images/${imageSegment(repository)}/push`,
      query: {
        tag,
        platform,
        compressionFormat: compression,
        encryptLayers: encryptLayers.map(String),
        ...accessQuery(insecure),
      },
      signal,
      // Docker wants the header, if an empty one.
      headers: defined({
        "X-Registry-Auth": auth === "" ? "e30=" : auth,
        [encryptionKeysHeader]: encryptionKeys.length === 0 ? undefined : formatKeysHeader(encryptionKeys),
      }),
    });
  }

  /** A name without tag and digest: all tags of it. Failures while pulling come as a message with `error`. */
  pull(
    repository: string,
    options: {
      readonly tag?: string | undefined;
      readonly platform?: string | undefined;
      /** X-Registry-Auth. */
      readonly auth?: string | undefined;
      /** Private keys in PEM. */
      readonly decryptionKeys?: readonly string[] | undefined;
      /** Registries may have any certificate, or none. */
      readonly insecure?: boolean | undefined;
    } & Signaled = {},
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const { signal, auth, decryptionKeys = [], insecure, ...rest } = options;
    const query = { fromImage: repository, ...rest, ...accessQuery(insecure) };
    return this.#transport.lines({
      method: "POST",
      path: "/images/create",
      query,
      signal,
      headers: defined({ "X-Registry-Auth": auth, ...decryptionHeaders(decryptionKeys) }),
    });
  }
}

function accessQuery(insecure = false): { readonly tlsVerify?: string | undefined } {
  return insecure ? { tlsVerify: "0" } : {};
}

function decryptionHeaders(keys: readonly string[]): Readonly<Record<string, string>> {
  return keys.length === 0 ? {} : { [decryptionKeysHeader]: formatKeysHeader(keys) };
}
