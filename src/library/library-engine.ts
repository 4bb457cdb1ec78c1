import { createReadStream, statSync } from "node:fs";
import type { StorageBenchEvent, StorageBenchOptions } from "../model/storage-bench.ts";
import type { CheckFinding, ContainerNamespaces, Engine, EngineEvent, EngineInfo } from "../model/engine.ts";
import { packDirectory } from "../cli/layout/pack-directory.ts";
import { writeLayout } from "../cli/layout/write-layout.ts";
import type { DescriptorOffer } from "../model/descriptors.ts";
import type { Images } from "../model/images.ts";
import type { Containers } from "../model/containers.ts";
import type { Manifests } from "../model/manifests.ts";
import type { Pods } from "../model/pods.ts";
import type { Networks } from "../model/networks.ts";
import type { Secrets } from "../model/secrets.ts";
import type { DiskUsage, StoreUsage } from "../model/usage.ts";
import type { Volumes } from "../model/volumes.ts";
import { Failure } from "../base/failure.ts";
import type { Digest } from "../spec/digest.ts";
import type { BuildImageOptions } from "./build-image.ts";
import { RunningContainer, type RunOptions } from "./container-handle.ts";

/** An engine that has an own way to build. */
interface BuildingEngine extends Engine {
  buildImage?(options: BuildImageOptions): Promise<Digest>;
}

/** An engine with a few words less to write. */
export class LibraryEngine implements Engine {
  readonly containers: Containers;
  readonly images: Images;
  readonly manifests: Manifests;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly secrets: Secrets;
  readonly pods: Pods;
  readonly #engine: BuildingEngine;

  constructor(engine: BuildingEngine) {
    this.#engine = engine;
    this.containers = engine.containers;
    this.images = engine.images;
    this.manifests = engine.manifests;
    this.volumes = engine.volumes;
    this.networks = engine.networks;
    this.secrets = engine.secrets;
    this.pods = engine.pods;
  }

  /** Creates a container and starts it; nothing is left when that fails. The caller disposes of the result. */
  async run(image: string, { preserveFds, ...options }: RunOptions = {}): Promise<RunningContainer> {
    const { id, warnings } = await this.containers.create({ ...options, image }, { startsNext: true });
    try {
      const timing = await this.containers.start(id, preserveFds === undefined ? {} : { preserveFds });
      return new RunningContainer(this, { id, timing, warnings });
    } catch (thrown) {
      await this.containers.remove(id, { force: true }).catch(() => undefined);
      throw thrown;
    }
  }

  /**
   * Builds an image from a Dockerfile and returns its id, the digest of its configuration. Throws "invalid" for a
   * Dockerfile with a mistake (`details.line`, `details.endLine`, `details.excerpt`), "not-found" without one; what a
   * step failed with has `details.exitCode`. SPEC: Docker's Dockerfile reference.
   *
   * @example
   * ```ts
   * import { openEngine } from "tare";
   *
   * await using engine = await openEngine();
   * const id = await engine.build({
   *   context: ".",
   *   dockerfile: { text: "FROM scratch\nCOPY *.ts /files/\n" },
   *   tags: ["files:1"],
   *   onProgress: (event) => {
   *     if (event.kind === "log") process.stdout.write(event.bytes);
   *   },
   * });
   * console.log(id);
   * ```
   */
  async build(options: BuildImageOptions): Promise<Digest> {
    if (this.#engine.buildImage !== undefined) return await this.#engine.buildImage(options);
    const builds = await this.#engine.openBuilds?.();
    if (builds === undefined) throw new Failure("unsupported", "this engine cannot build images");
    const { buildLocally } = await import("./build-image.ts");
    return await buildLocally(builds, options);
  }

  /**
   * Loads the images of an archive, a file's path or its bytes, or of a directory with an OCI layout; returns their
   * names (or ids, where they have none).
   */
  async load(archive: string | AsyncIterable<Uint8Array>): Promise<readonly string[]> {
    const loaded: string[] = [];
    const bytes = typeof archive === "string" ? await openImages(archive) : archive;
    for await (const progress of this.images.load(bytes)) {
      if (progress.kind === "image") loaded.push(progress.reference ?? progress.id);
    }
    return loaded;
  }

  /** Writes images into an OCI layout in a directory, which is made, or added to when it holds one. */
  async saveLayout(references: readonly string[], directory: string): Promise<void> {
    await writeLayout(directory, this.images.save(references));
  }

  events(options: Parameters<Engine["events"]>[0] = {}): AsyncIterable<EngineEvent> {
    return this.#engine.events(options);
  }

  /** Describes the engine and its host. */
  info(): Promise<EngineInfo> {
    return this.#engine.info();
  }

  diskUsage(options: Parameters<Engine["diskUsage"]>[0] = {}): Promise<DiskUsage> {
    return this.#engine.diskUsage(options);
  }

  namespaces(): Promise<readonly ContainerNamespaces[]> {
    return this.#engine.namespaces();
  }

  storeUsage(options: Parameters<Engine["storeUsage"]>[0] = {}): Promise<StoreUsage> {
    return this.#engine.storeUsage(options);
  }

  benchStorage(options: StorageBenchOptions = {}): AsyncIterable<StorageBenchEvent> {
    return this.#engine.benchStorage(options);
  }

  check(options: Parameters<Engine["check"]>[0] = {}): Promise<readonly CheckFinding[]> {
    return this.#engine.check(options);
  }

  offerDescriptors(targets: readonly number[]): Promise<DescriptorOffer> {
    return this.#engine.offerDescriptors(targets);
  }

  settle(): Promise<void> {
    return this.#engine.settle();
  }

  /** Containers go on, but those of lifetime "process". */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine[Symbol.asyncDispose]();
  }
}

async function openImages(path: string): Promise<AsyncIterable<Uint8Array>> {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isDirectory ? await packDirectory(path) : createReadStream(path);
}
