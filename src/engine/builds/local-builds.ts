import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { Failure, failureOf } from "../../base/failure.ts";
import type { BaseImage } from "../../build/graph/graph-types.ts";
import { openRunningSteps } from "../../build/solver/solver.ts";
import { encodeImage, storeImage } from "../../image/commit.ts";
import { KnownDigests } from "../../linux/tree/file-digests.ts";
import type {
  BuildCacheRecord,
  BuildExport,
  BuildOptions,
  BuildRequest,
  BuildResult,
  Builds,
  BuiltImage,
  CacheExportOptions,
  DefinitionRequest,
  DockerfileReport,
  ExportOptions,
  FrontEndProgram,
  ImageSettings,
  PruneCacheOptions,
  StoreOptions,
} from "../../model/builds.ts";
import type { Images } from "../../model/images.ts";
import { findStoredImage } from "../../model/stored-image.ts";
import { digestOf } from "../../spec/digest.ts";
import { findSyntax, isBuiltInSyntax } from "../../spec/syntax-image.ts";
import { encodeImageConfig } from "../../spec/image/config.ts";
import { mediaTypes } from "../../spec/image/manifest.ts";
import { formatPlatform, hostPlatform, parsePlatform, type Platform } from "../../spec/platform.ts";
import { formatReference, withDefaultTag } from "../../spec/reference.ts";
import { ContextStore } from "../build-files/received-contexts.ts";
import { TreeReader } from "../build-files/tree-reader.ts";
import { TimedTree } from "./timed-tree.ts";
import type { ContainerContext } from "../context.ts";
import type { Garbage } from "../images/garbage.ts";
import { StoringSink } from "../images/load-sink.ts";
import { parseNewName } from "../images/parse-new-name.ts";
import { resolveBaseImage } from "./base-images.ts";
import { type CacheFiles, listBuildCache, pruneBuildCache, trimBuildCache } from "./build-cache.ts";
import { buildPlatform } from "./build-platform.ts";
import { BuildReport } from "./build-report.ts";
import { describeDockerfile, findLintWarnings, lintFailure } from "./describe-dockerfile.ts";
import { EngineWorker } from "./build-worker.ts";
import { BuildSources } from "./build-sources.ts";
import { RemoteFiles, type RemoteRequest } from "./remote-files.ts";
import type { OpenResult } from "./named-contexts.ts";
import { mostDockerfileBytes, OpenContexts } from "./open-contexts.ts";
import { readDockerfile, readIgnoreFile, withExcerpt } from "./read-dockerfile.ts";
import { DefinitionSources, givenConfig, plainConfig } from "./solve-definition.ts";
import { solveVertex } from "./solve-vertex.ts";
import { findStepDevices } from "./find-step-devices.ts";
import { CacheMounts } from "./step-mounts.ts";

/** Builds of all clients together: each holds a context and its steps. */
const mostBuilds = 64;
/** What is known of contexts is kept in memory for the next build. */
const forgetsAfterMs = 10 * 60_000;

interface Parts {
  readonly context: ContainerContext;
  readonly images: Images;
  readonly garbage: Garbage;
}

/** A build that goes on. */
interface BegunBuild extends AsyncDisposable {
  readonly stop: AbortController;
  readonly signal: AbortSignal;
  readonly report: BuildReport;
  /** What its result holds. */
  readonly held: AsyncDisposableStack;
}

/** Builds in one data root. */
export class LocalBuilds implements Builds {
  readonly contexts: ContextStore;
  readonly #parts: Parts;
  readonly #caches: CacheMounts;
  readonly #sources: BuildSources;
  readonly #running = openRunningSteps();
  /** Of results that are open. */
  readonly #results = new WeakMap<BuiltImage, OpenResult>();
  readonly #digests = new KnownDigests();
  #forgetting: NodeJS.Timeout | undefined;
  #count = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { dataRoot, runRoot } = parts.context.dependencies;
    // Of an engine that was killed.
    for (const left of [join(dataRoot, "build", "copies"), join(runRoot, "builds")])
      rmSync(left, { recursive: true, force: true });
    this.contexts = new ContextStore(contextRootOf(parts.context));
    this.#caches = new CacheMounts(parts.context);
    this.#sources = new BuildSources(parts.context);
  }

  async build(request: BuildRequest, options: BuildOptions = {}): Promise<BuildResult> {
    const { context } = this.#parts;
    await using begun = await this.#begin(options);
    const { stop, signal, report, held } = begun;
    const platforms =
      request.platforms.length === 0
        ? [hostPlatform()]
        : request.platforms.map((each) => parsePlatform(each));
    const contexts = new OpenContexts(request, {
      report,
      signal,
      ownRoot: contextRootOf(context),
      digests: this.#digests,
      remoteFiles: this.#remoteFiles(request, signal),
    });
    // After the steps, which read in it.
    await using steps = new AsyncDisposableStack();
    steps.use(contexts);
    const { dockerfile, text, vertex } = await readDockerfile(request, contexts, report);
    requireBuiltInSyntax(request, text);
    const ignoreFile = await readIgnoreFile(request, signal);
    const source = { name: request.dockerfile.name, text };
    const lint = findLintWarnings({ dockerfile, source, request, ignoreFile });
    for (const warning of lint.warnings) report.warn(vertex, warning);
    if (lint.isError) throw lintFailure(lint.warnings);
    const images: BuiltImage[] = [];
    const invocationId = randomUUID();
    try {
      for (const platform of platforms) {
        const result = await buildPlatform(request, {
          context,
          caches: this.#caches,
          running: this.#running,
          dockerfile,
          text,
          invocationId,
          platform,
          contexts,
          report,
          signal,
          cancel: (reason) => stop.abort(failureOf(reason)),
          resolveImage: async (reference, wanted) =>
            await this.#resolveImage(reference, {
              platform: wanted,
              pull: request.pull,
              request,
              report,
              signal,
              pins: held,
            }),
          findResult: (built) => this.#results.get(built),
        });
        images.push(this.#builtOf(result, formatPlatform(platform)));
      }
    } catch (thrown) {
      stop.abort(failureOf(thrown));
      throw withExcerpt(thrown, source);
    }
    const kept = held.move();
    const { attestations } = request;
    return { images, attestations, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
  }

  #remoteFiles(request: RemoteRequest, signal: AbortSignal): RemoteFiles {
    const { contexts } = this;
    const sources = this.#sources;
    return new RemoteFiles(request, { sources, contexts, signal, dockerfileBytes: mostDockerfileBytes });
  }

  /** Disposing of it ends what was not moved out of `held`. Throws "exhausted". */
  async #begin({ signal: ends, onProgress }: BuildOptions): Promise<BegunBuild> {
    const { context, garbage } = this.#parts;
    if (this.#count >= mostBuilds) {
      throw new Failure("exhausted", `cannot build: ${mostBuilds} builds are running`);
    }
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, context.closing, ...(ends === undefined ? [] : [ends])]);
    const report = new BuildReport((event) => onProgress?.(event));
    await using holding = new AsyncDisposableStack();
    this.#count++;
    clearTimeout(this.#forgetting);
    holding.defer(() => this.#ended());
    holding.defer(() => void context.background.run("build cache", () => this.#trimCache()));
    await garbage.relieve();
    holding.use(await garbage.use());
    const held = holding.move();
    return { stop, signal, report, held, [Symbol.asyncDispose]: async () => await held.disposeAsync() };
  }

  #ended(): void {
    this.#count--;
    if (this.#count > 0) return;
    clearTimeout(this.#forgetting);
    this.#forgetting = setTimeout(() => this.#digests.clear(), forgetsAfterMs);
    this.#forgetting.unref();
  }

  async solve(request: DefinitionRequest, options: BuildOptions = {}): Promise<BuildResult> {
    const { context } = this.#parts;
    await using begun = await this.#begin(options);
    const { stop, signal, report, held } = begun;
    const remoteFiles = this.#remoteFiles({ ...request, buildArgs: {} }, signal);
    const sources = new DefinitionSources(request, {
      remoteFiles,
      report,
      signal,
      ownRoot: contextRootOf(context),
      digests: this.#digests,
      resolveImage: async (reference, { platform, pull }) =>
        await this.#resolveImage(reference, { platform, pull, request, report, signal, pins: held }),
      findDevices: async (devices, entitlements) => await findStepDevices(context, devices, entitlements),
      layersOf: (image) => this.#open(image).layers,
    });
    // After the steps, which read in it.
    await using steps = new AsyncDisposableStack();
    steps.use(sources);
    const vertex = await sources.graph();
    report.announce(vertex);
    const worker = new EngineWorker(context, {
      caches: this.#caches,
      settings: { extraHosts: [], ulimits: [] },
      readSecret: request.readSecret,
      openAgent: request.openAgent,
      openContext: async (name) => await sources.open(name),
      imported: undefined,
      signal,
      remoteFiles,
    });
    const { layers } = await solveVertex(vertex, {
      worker,
      running: this.#running,
      report,
      signal,
      cancel: (reason) => stop.abort(failureOf(reason)),
    });
    const platform = hostPlatform();
    const plain = encodeImage(plainConfig(layers, platform), layers);
    const image = this.#builtOf({ image: plain, layers, worker, statements: [] }, formatPlatform(platform));
    const kept = held.move();
    return { images: [image], [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
  }

  configure(image: BuiltImage, settings: ImageSettings): BuiltImage {
    const { layers, worker } = this.#open(image);
    const { sourceDateEpoch, platform } = settings;
    const epochMs = sourceDateEpoch === undefined ? undefined : sourceDateEpoch * 1000;
    const configured = encodeImage(givenConfig(settings, layers), layers);
    return this.#builtOf({ image: configured, layers, epochMs, worker, statements: [] }, platform);
  }

  async #resolveImage(
    reference: string,
    {
      platform,
      pull,
      request: { findCredentials },
      report,
      signal,
      pins,
    }: {
      readonly platform: Platform;
      readonly pull: boolean;
      readonly request: Pick<BuildRequest, "findCredentials">;
      readonly report: BuildReport;
      readonly signal: AbortSignal;
      readonly pins: AsyncDisposableStack;
    },
  ): Promise<BaseImage> {
    return await report.during(
      `[internal] load metadata for ${reference}`,
      async (progress) =>
        await resolveBaseImage(this.#parts, reference, {
          platform,
          pull,
          findCredentials,
          signal,
          pins,
          onProgress: (each) => {
            if (each.kind === "layer") progress(each.id, each.currentBytes ?? 0, each.totalBytes);
          },
        }),
    );
  }

  #builtOf(result: OpenResult, platform: string): BuiltImage {
    const { image, layers, worker, epochMs } = result;
    const built: BuiltImage = {
      platform,
      id: image.id,
      config: image.config,
      configBytes: image.configBytes,
      manifest: {
        digest: image.manifestDigest,
        mediaType: mediaTypes.manifest,
        size: image.manifestBytes.length,
      },
      openTree: async () => {
        const tree = new TreeReader(await worker.view(layers));
        return epochMs === undefined ? tree : new TimedTree(tree, epochMs);
      },
    };
    this.#results.set(built, result);
    return built;
  }

  async describe(
    kind: "targets" | "lint",
    request: BuildRequest,
    { signal: ends, onProgress }: BuildOptions = {},
  ): Promise<DockerfileReport> {
    const { closing } = this.#parts.context;
    const signal = ends === undefined ? closing : AbortSignal.any([closing, ends]);
    const report = new BuildReport((event) => onProgress?.(event));
    await using contexts = new OpenContexts(request, {
      report,
      signal,
      ownRoot: contextRootOf(this.#parts.context),
      digests: this.#digests,
      remoteFiles: this.#remoteFiles(request, signal),
    });
    const { dockerfile, text } = await readDockerfile(request, contexts, report);
    const source = { name: request.dockerfile.name, text };
    const ignoreFile = await readIgnoreFile(request, signal);
    return describeDockerfile(kind, { dockerfile, source, request, ignoreFile });
  }

  async store(
    { images }: Pick<BuildResult, "images">,
    { references, labels, onProgress, vertex }: StoreOptions,
  ): Promise<void> {
    const { context } = this.#parts;
    const { content: store, storage } = context.dependencies;
    const names = references.map((each) => parseNewName(each));
    const startedAtMs = Date.now();
    const report = (id: string): void =>
      onProgress?.({ kind: "status", vertex, id, current: 0, startedAtMs, completedAtMs: Date.now() });
    const built = findStoredImage(images);
    if (built === undefined) return;
    const found = this.#open(built);
    const { defaults } = found.image.config;
    const image =
      labels === undefined
        ? found.image
        : encodeImage(
            { ...found.image.config, defaults: { ...defaults, labels: { ...defaults.labels, ...labels } } },
            found.layers,
          );
    report("exporting layers");
    const sink = new StoringSink(context.state, { storage, action: "create" });
    await storeImage(image, { store, sink, references: names });
    report(`writing image ${image.id}`);
    for (const name of names) report(`naming to ${formatReference(withDefaultTag(name))}`);
  }

  async clampTimes({ images }: BuildResult, signal?: AbortSignal): Promise<readonly BuiltImage[]> {
    const { closing, dependencies } = this.#parts.context;
    const { clampResult } = await import("./clamp-results.ts");
    const clamped: BuiltImage[] = [];
    for (const built of images) {
      const result = this.#open(built);
      const { epochMs, worker } = result;
      if (epochMs === undefined) return images;
      const options = { epochMs, worker, store: dependencies.content, signal: signal ?? closing };
      clamped.push(this.#builtOf(await clampResult(result, options), built.platform));
    }
    return clamped;
  }

  async export({ images }: Pick<BuildResult, "images">, options: ExportOptions): Promise<BuildExport> {
    const results = images.map((built) => ({ ...this.#open(built), platform: built.platform }));
    const { exportResults } = await import("./local-export.ts");
    return await exportResults(results, { context: this.#parts.context, options });
  }

  async exportCache({ images }: BuildResult, options: CacheExportOptions): Promise<void> {
    const { exportCache } = await import("./export-cache.ts");
    const results = images.map((built) => this.#open(built));
    await exportCache(results, { ...options, context: this.#parts.context });
  }

  #open(built: BuiltImage): OpenResult {
    const found = this.#results.get(built);
    if (found === undefined) throw new Failure("conflict", "cannot export the image: its build is closed");
    return found;
  }

  async resolveImage(
    reference: string,
    { platform, pull, findCredentials, signal }: Parameters<Builds["resolveImage"]>[1],
  ): ReturnType<Builds["resolveImage"]> {
    using pins = new DisposableStack();
    const found = await resolveBaseImage(this.#parts, reference, {
      platform: platform === undefined ? hostPlatform() : parsePlatform(platform),
      pull,
      findCredentials,
      signal: signal ?? this.#parts.context.closing,
      pins,
    });
    const configBytes = encodeImageConfig(found.config);
    return { reference: found.reference, digest: found.digest ?? digestOf(configBytes), configBytes };
  }

  async startFrontEnd(
    reference: string,
    { pull, env, onLog, findCredentials, signal: ends, onProgress }: Parameters<Builds["startFrontEnd"]>[1],
  ): Promise<FrontEndProgram> {
    await using begun = await this.#begin({ signal: ends, onProgress });
    const { signal, report, held } = begun;
    const image = await this.#resolveImage(reference, {
      platform: hostPlatform(),
      pull,
      request: { findCredentials },
      report,
      signal,
      pins: held,
    });
    const { startFrontEnd } = await import("./front-end-program.ts");
    const program = held.use(await startFrontEnd(this.#parts.context, image, { env, onLog }));
    const kept = held.move();
    return { ...program, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
  }

  get #cacheFiles(): CacheFiles {
    return { mounts: this.#caches, sources: this.#sources };
  }

  async #trimCache(): Promise<void> {
    const { context } = this.#parts;
    const { blocks, bsize } = await statfs(context.dependencies.dataRoot);
    await trimBuildCache(context, this.#cacheFiles, blocks * bsize);
    context.collectGarbage();
  }

  cache(): Promise<readonly BuildCacheRecord[]> {
    return Promise.resolve(listBuildCache(this.#parts.context, this.#cacheFiles));
  }

  async *pruneCache(options: PruneCacheOptions = {}): AsyncGenerator<BuildCacheRecord, void> {
    const { context } = this.#parts;
    const { bavail, bsize } = await statfs(context.dependencies.dataRoot);
    yield* pruneBuildCache(context, this.#cacheFiles, { ...options, freeBytes: bavail * bsize });
    context.collectGarbage();
  }
}

/** Throws "unsupported": only clients with a session can run the front end of an image. */
function requireBuiltInSyntax({ ignoresSyntax = false, buildArgs }: BuildRequest, text: string): void {
  const argument = buildArgs["BUILDKIT_SYNTAX"] ?? "";
  const syntax = argument === "" ? findSyntax(text) : argument;
  if (ignoresSyntax || syntax === undefined || isBuiltInSyntax(syntax)) return;
  throw new Failure(
    "unsupported",
    `cannot build with the front end ${syntax}: front ends of images run for docker build and docker buildx only`,
    { details: { line: 1, endLine: 1 } },
  );
}

function contextRootOf({ dependencies }: ContainerContext): string {
  return join(dependencies.dataRoot, "build", "contexts");
}
