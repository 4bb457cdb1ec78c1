import {
  type CacheLayer,
  cacheConfigType,
  maxCacheConfigBytes,
  parseCacheConfig,
  parseInlineCache,
} from "../../build/exporters/cache-config.ts";
import type { BuiltLayer } from "../../build/solver/solver.ts";
import { Failure } from "../../base/failure.ts";
import type { LoadedLayer } from "../../image/loaded-image.ts";
import { fetchRemoteCache, type RemoteCacheOptions, readRemoteLayer } from "../../image/remote-cache.ts";
import type { BuildRequest, CacheSource } from "../../model/builds.ts";
import { mediaTypes } from "../../spec/image/manifest.ts";
import type { Platform } from "../../spec/platform.ts";
import { parseReference, type Reference } from "../../spec/reference.ts";
import type { ContainerContext } from "../context.ts";
import type { BuildReport } from "./build-report.ts";

/** Results that one build knows from elsewhere. */
const mostLayers = 20_000;

interface ImportedLayer {
  readonly layer: CacheLayer;
  readonly createdAtMs: number;
  readonly reference: Reference;
  readonly access: RemoteCacheOptions;
}

export interface ImportOptions extends Pick<BuildRequest, "findCredentials"> {
  readonly context: ContainerContext;
  readonly platform: Platform;
  readonly report: BuildReport;
  readonly signal: AbortSignal;
}

/** The results of steps that registries have, brought when a step needs one. */
export class ImportedCache {
  readonly #layers = new Map<string, ImportedLayer>();
  readonly #context: ContainerContext;
  readonly #report: BuildReport;

  private constructor({ context, report }: ImportOptions) {
    this.#context = context;
    this.#report = report;
  }

  /** Sources that cannot be read are reported, and left out. */
  static async open(sources: readonly CacheSource[], options: ImportOptions): Promise<ImportedCache> {
    const imported = new ImportedCache(options);
    for (const source of sources) {
      await options.report
        .during(`importing cache manifest from ${source.reference}`, async () =>
          imported.#add(source, options),
        )
        .catch(() => options.signal.throwIfAborted());
    }
    return imported;
  }

  async #add(source: CacheSource, options: ImportOptions): Promise<void> {
    const { context, platform, findCredentials, signal } = options;
    const reference = parseReference(source.reference);
    const credentials = await findCredentials?.(reference.domain, signal);
    const access: RemoteCacheOptions = {
      registries: await context.dependencies.openRegistries(),
      insecure: source.insecure ?? false,
      credentials: credentials && (() => Promise.resolve(credentials)),
      signal,
    };
    const found = await fetchRemoteCache(reference, {
      ...access,
      platform,
      maxConfigBytes: maxCacheConfigBytes,
      configType: cacheConfigType,
    });
    const put = (key: string, layer: CacheLayer | undefined, createdAtMs: number): void => {
      const isKept = this.#layers.size < mostLayers && !this.#layers.has(key);
      if (layer !== undefined && isKept) this.#layers.set(key, { layer, createdAtMs, reference, access });
    };
    if (found.configType === cacheConfigType) {
      const { layers, records } = parseCacheConfig(found.configBytes);
      for (const { key, layer, createdAtMs } of records) put(key, layers[layer], createdAtMs);
      return;
    }
    const inline = parseInlineCache(found.configBytes);
    for (const { key, layer, createdAtMs } of inline?.records ?? []) {
      const diffId = inline?.diffIds[layer];
      const blob = found.layers[layer];
      put(key, diffId === undefined || blob === undefined ? undefined : { ...blob, diffId }, createdAtMs);
    }
  }

  /** The result under a key, brought and verified; undefined: there is none, or it cannot be had. */
  async bring(
    key: string,
    {
      store,
      signal,
    }: {
      readonly store: (tar: AsyncIterable<Uint8Array>) => Promise<LoadedLayer>;
      readonly signal: AbortSignal;
    },
  ): Promise<BuiltLayer | undefined> {
    const found = this.#layers.get(key);
    if (found === undefined) return undefined;
    const { createdAtMs, layer } = found;
    const here = await this.#findHere(layer);
    if (here !== undefined) return { ...here, createdAtMs };
    try {
      const brought = await this.#report.during(`importing layer ${layer.digest}`, async () => {
        const stored = await readRemoteLayer(found.reference, layer, { ...found.access, use: store });
        // SAFETY: what a key leads to is what its cache has said, or it is not used.
        if (stored.diffId !== layer.diffId)
          throw new Failure("corrupt", `the layer ${layer.digest} has the diffID ${stored.diffId}`);
        return stored;
      });
      return { ...brought, createdAtMs };
    } catch {
      signal.throwIfAborted();
      // The step runs instead, as without a cache.
      return undefined;
    }
  }

  async #findHere({ diffId }: CacheLayer): Promise<LoadedLayer | undefined> {
    const { storage, content } = this.#context.dependencies;
    const blob = storage.hasLayer(diffId) ? await content.find(diffId) : undefined;
    return blob && { diffId, digest: diffId, size: blob.size, mediaType: mediaTypes.layerTar };
  }
}
