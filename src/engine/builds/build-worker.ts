import { join } from "node:path";
import { IncludeFilter } from "../../build/dockerfile/include-filter.ts";
import { DirectoryFilter } from "../../build/dockerfile/directory-filter.ts";
import type { GitOperation, HttpOperation, RunOperation } from "../../build/graph/graph-types.ts";
import type { PathFilter, SourceTree, UnpackedArchive } from "../../build/solver/copy-layer.ts";
import type { BuildWorker, BuiltLayer, Layers } from "../../build/solver/solver.ts";
import { keepLayer } from "../../image/commit.ts";
import type { LoadedLayer } from "../../image/loaded-image.ts";
import { stageInWorker } from "../../image/stage-in-worker.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import type { FileTime } from "../../linux/files/stat.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { packTree, packTreeChanges } from "../../linux/tree/tree.ts";
import type { BuildRequest } from "../../model/builds.ts";
import type { ContainerContext } from "../context.ts";
import { StoringSink } from "../images/load-sink.ts";
import type { ImportedCache } from "./imported-cache.ts";
import type { RemoteFiles, RemoteTree } from "./remote-files.ts";
import { unpackArchive } from "./unpack-archive.ts";
import { runStep, type StepSettings } from "./run-step.ts";
import { type CacheMounts, prepareStepMounts, type StepOutput } from "./step-mounts.ts";

/** What one build does in this engine. */
export class EngineWorker implements BuildWorker {
  readonly used: Map<string, BuiltLayer> = new Map();
  readonly #context: ContainerContext;
  readonly #options: {
    readonly caches: CacheMounts;
    readonly settings: StepSettings;
    readonly readSecret: BuildRequest["readSecret"];
    readonly openAgent: BuildRequest["openAgent"];
    readonly openContext: (name: string) => Promise<SourceTree>;
    readonly imported?: ImportedCache | undefined;
    readonly signal: AbortSignal;
    readonly remoteFiles: RemoteFiles;
  };

  constructor(
    context: ContainerContext,
    options: {
      readonly caches: CacheMounts;
      readonly settings: StepSettings;
      readonly readSecret: BuildRequest["readSecret"];
      readonly openAgent: BuildRequest["openAgent"];
      readonly openContext: (name: string) => Promise<SourceTree>;
      readonly imported?: ImportedCache | undefined;
      readonly signal: AbortSignal;
      readonly remoteFiles: RemoteFiles;
    },
  ) {
    this.#context = context;
    this.#options = options;
  }

  async view(layers: Layers): Promise<OwnedFd> {
    return await this.#context.dependencies.storage.viewLayers(layers.map(({ diffId }) => diffId));
  }

  async context(name: string): Promise<SourceTree> {
    return await this.#options.openContext(name);
  }

  async source(
    operation: HttpOperation | GitOperation,
    onProgress: (bytes: number, total: number | undefined) => void,
  ): Promise<RemoteTree> {
    return await this.#options.remoteFiles.open(operation, onProgress);
  }

  async findResult(key: string): Promise<BuiltLayer | undefined> {
    const { state, dependencies } = this.#context;
    const found = state.buildCache().get(key);
    if (found?.kind !== "step" || !dependencies.storage.hasLayer(found.layer.diffId)) return this.#bring(key);
    state.putBuildCache({ ...found, usedAt: Date.now(), uses: found.uses + 1 });
    const layer = { ...found.layer, createdAtMs: found.createdAt, createdBy: found.description };
    this.used.set(key, layer);
    return layer;
  }

  /** The result from a cache elsewhere. */
  async #bring(key: string): Promise<BuiltLayer | undefined> {
    const { imported, signal } = this.#options;
    const store = async (tar: AsyncIterable<Uint8Array>): Promise<LoadedLayer> =>
      this.storeLayer(tar, signal);
    const layer = await imported?.bring(key, { store, signal });
    if (layer !== undefined) await this.keepResult(key, { layer, about: "[internal] imported" });
    return layer;
  }

  async keepResult(
    key: string,
    {
      layer: { createdAtMs = Date.now(), diffId, mediaType, digest, size },
      about,
    }: { readonly layer: BuiltLayer; readonly about: string },
  ): Promise<void> {
    const layer = { diffId, mediaType, digest, size };
    const { state, dependencies } = this.#context;
    const now = Date.now();
    const { contentBytes } = await dependencies.storage.usage({ layer: layer.diffId });
    const uses = state.buildCache().get(key)?.uses ?? 0;
    const entry = { key, description: about, createdAt: createdAtMs, usedAt: now, uses: uses + 1 };
    state.putBuildCache({ kind: "step", ...entry, layer, bytes: contentBytes });
    this.used.set(key, { ...layer, createdAtMs });
  }

  async storeLayer(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<LoadedLayer> {
    const { content: store, storage } = this.#context.dependencies;
    const sink = new StoringSink(this.#context.state, { storage, action: "create" });
    await using staged = await stageInWorker(tar, { store, inflates: false, signal });
    return await keepLayer(staged, { sink, signal });
  }

  async run(
    operation: RunOperation,
    { layers, mounts: prepared, description, signal, onOutput }: Parameters<BuildWorker["run"]>[1],
  ): Promise<readonly BuiltLayer[]> {
    const { caches, readSecret, openAgent, settings } = this.#options;
    await using held = await prepareStepMounts(operation, {
      mounts: prepared,
      caches,
      description,
      readSecret,
      openAgent,
      signal,
    });
    const made: BuiltLayer[] = [];
    await runStep(this.#context, operation, {
      layers,
      mounts: held.mounts,
      secretVariables: held.secretVariables,
      settings,
      signal,
      onOutput,
      store: async (tar) => {
        made.push(await this.storeLayer(tar, signal));
        for (const output of held.outputs) made.push(await this.#storeOutput(output, signal));
      },
    });
    return made;
  }

  async #storeOutput({ path, layers, since }: StepOutput, signal: AbortSignal): Promise<BuiltLayer> {
    using tree = openDirectoryPath(path);
    if (layers.length === 0) return await this.storeLayer(packTree(tree.fd, { signal }), signal);
    using original = await this.view(layers);
    const changes = packTreeChanges({ tree: tree.fd, original: original.fd, since }, { signal });
    return await this.storeLayer(changes, signal);
  }

  async storeDifference(lower: Layers, upper: Layers, signal: AbortSignal): Promise<BuiltLayer> {
    using below = await this.view(lower);
    using above = await this.view(upper);
    const changes = packTreeChanges({ tree: above.fd, original: below.fd, since: never }, { signal });
    return await this.storeLayer(changes, signal);
  }

  async unpack(file: Fd, signal: AbortSignal): Promise<UnpackedArchive | undefined> {
    const { dataRoot } = this.#context.dependencies;
    return await unpackArchive(file, { directory: join(dataRoot, "build", "copies"), signal });
  }

  compileFilter(patterns: readonly string[], include?: readonly string[]): PathFilter {
    const filter = new DirectoryFilter(patterns);
    if (include === undefined || include.length === 0) return filter;
    const wanted = new IncludeFilter(include);
    return {
      select: (path, isDirectory) => {
        const own = filter.select(path, isDirectory);
        return own === "take" ? wanted.select(path, isDirectory) : own;
      },
    };
  }
}

/** Both trees are complete: what differs is seen by its attributes. */
const never: FileTime = { seconds: Number.MAX_SAFE_INTEGER, nanoseconds: 0 };
