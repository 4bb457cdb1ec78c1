import { join } from "node:path";
import { Failure } from "../../base/failure.ts";
import { DirectoryFilter } from "../../build/dockerfile/directory-filter.ts";
import type { RunOperation } from "../../build/graph/graph-types.ts";
import type { PathFilter, SourceTree, UnpackedArchive } from "../../build/solver/copy-layer.ts";
import type { BuildWorker, Layers } from "../../build/solver/solver.ts";
import { keepLayer } from "../../image/commit.ts";
import type { LoadedLayer } from "../../image/loaded-image.ts";
import { stageInWorker } from "../../image/stage-in-worker.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import type { BuildRequest } from "../../model/builds.ts";
import type { ContainerContext } from "../context.ts";
import { StoringSink } from "../images/load-sink.ts";
import { unpackArchive } from "./unpack-archive.ts";
import { runStep, type StepSettings } from "./run-step.ts";
import { type CacheMounts, prepareStepMounts } from "./step-mounts.ts";

/** What one build does in this engine. */
export class EngineWorker implements BuildWorker {
  readonly #context: ContainerContext;
  readonly #options: {
    readonly caches: CacheMounts;
    readonly settings: StepSettings;
    readonly readSecret: BuildRequest["readSecret"];
    readonly openContext: (name: string) => Promise<SourceTree>;
  };

  constructor(
    context: ContainerContext,
    options: {
      readonly caches: CacheMounts;
      readonly settings: StepSettings;
      readonly readSecret: BuildRequest["readSecret"];
      readonly openContext: (name: string) => Promise<SourceTree>;
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

  findResult(key: string): LoadedLayer | undefined {
    const { state, dependencies } = this.#context;
    const found = state.buildCache().get(key);
    if (found?.kind !== "step" || !dependencies.storage.hasLayer(found.layer.diffId)) return undefined;
    state.putBuildCache({ ...found, usedAt: Date.now(), uses: found.uses + 1 });
    return found.layer;
  }

  async keepResult(
    key: string,
    { layer, about }: { readonly layer: LoadedLayer; readonly about: string },
  ): Promise<void> {
    const { state, dependencies } = this.#context;
    const now = Date.now();
    const { contentBytes } = await dependencies.storage.usage({ layer: layer.diffId });
    const uses = state.buildCache().get(key)?.uses ?? 0;
    const entry = { key, description: about, createdAt: now, usedAt: now, uses: uses + 1 };
    state.putBuildCache({ kind: "step", ...entry, layer, bytes: contentBytes });
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
  ): Promise<LoadedLayer> {
    const { caches, readSecret, settings } = this.#options;
    await using held = await prepareStepMounts(operation, {
      mounts: prepared,
      caches,
      description,
      readSecret,
      signal,
    });
    let layer: LoadedLayer | undefined;
    await runStep(this.#context, operation, {
      layers,
      mounts: held.mounts,
      secretVariables: held.secretVariables,
      settings,
      signal,
      onOutput,
      store: async (tar) => {
        layer = await this.storeLayer(tar, signal);
      },
    });
    if (layer === undefined) throw new Failure("internal", "cannot build: a step has no layer");
    return layer;
  }

  async unpack(file: Fd, signal: AbortSignal): Promise<UnpackedArchive | undefined> {
    const { dataRoot } = this.#context.dependencies;
    return await unpackArchive(file, { directory: join(dataRoot, "build", "copies"), signal });
  }

  compileFilter(patterns: readonly string[]): PathFilter {
    return new DirectoryFilter(patterns);
  }
}
