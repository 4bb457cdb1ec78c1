import { Failure, sentenceOf } from "../../base/failure.ts";
import { required } from "../../base/required.ts";
import type { LoadedLayer } from "../../image/loaded-image.ts";
import { readFileInRoot } from "../../linux/files/open.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { resolveUser } from "../../spec/passwd.ts";
import type {
  CopyOperation,
  DiffOperation,
  DirectoryOperation,
  GitOperation,
  HttpOperation,
  LinkOperation,
  OutputOperation,
  RemoveOperation,
  RunOperation,
  Vertex,
} from "../graph/graph-types.ts";
import { chainKey, changeKey, copyKey, diffKey, directoryKey, outputKey, runKey } from "./cache-key.ts";
import {
  type CopiedSource,
  type CopyRequest,
  digestSources,
  packCopy,
  packDirectory,
  packLink,
  packRemoval,
  type PathFilter,
  type SourceTree,
  type UnpackedArchive,
} from "./copy-layer.ts";
import { SharedWork } from "./shared-work.ts";

/** A layer, and when a step made it; absent: it is of an image. */
export interface BuiltLayer extends LoadedLayer {
  readonly createdAtMs?: number | undefined;
  /** What has made it, as it is shown. */
  readonly createdBy?: string | undefined;
}

/** The layers of a file system, the lowest first. */
export type Layers = readonly BuiltLayer[];

/** A mount of a RUN, ready to be made. */
export interface PreparedMount {
  readonly mount: RunOperation["mounts"][number];
  /** Of `from`; undefined for an empty file system or none. */
  readonly layers?: Layers | undefined;
  /** Of a build context. */
  readonly tree?: SourceTree | undefined;
}

/** What the solver needs of the engine. */
export interface BuildWorker {
  /** A read-only view. The caller disposes of it. */
  view(layers: Layers): Promise<OwnedFd>;
  /** The tree of a build context, which stays until the build ends. Throws "not-found". */
  context(name: string): Promise<SourceTree>;
  /** The files of a web server or a git repository, which stay until the build ends. */
  source(
    operation: HttpOperation | GitOperation,
    onProgress: (bytes: number, total: number | undefined) => void,
  ): Promise<{ readonly tree: SourceTree; readonly isCached: boolean }>;
  /** The result of an earlier step, if the store still has it. */
  findResult(key: string): Promise<BuiltLayer | undefined>;
  /** The results that this build has found or kept, by their keys. */
  readonly used: ReadonlyMap<string, BuiltLayer>;
  keepResult(key: string, result: { readonly layer: BuiltLayer; readonly about: string }): Promise<void>;
  /** Stores a layer; nothing stays of one that fails. */
  storeLayer(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<BuiltLayer>;
  /** Stores what the upper file system has changed in the lower one as a layer. */
  storeDifference(lower: Layers, upper: Layers, signal: AbortSignal): Promise<BuiltLayer>;
  /**
   * Runs a program on the layers, and stores what it has changed: first in its root, then in the mounts that keep their
   * changes, in their order. Throws "failed" with details.exitCode.
   */
  run(
    operation: RunOperation,
    options: {
      readonly layers: Layers;
      readonly mounts: readonly PreparedMount[];
      /** `[build 2/5] RUN make` */
      readonly description: string;
      readonly signal: AbortSignal;
      readonly onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
    },
  ): Promise<readonly BuiltLayer[]>;
  /** The tree in an archive; undefined: the file is none. */
  unpack(file: Fd, signal: AbortSignal): Promise<UnpackedArchive | undefined>;
  compileFilter(patterns: readonly string[], include?: readonly string[]): PathFilter;
}

/** What becomes of a vertex, in this order; "cached" in place of "started", and one of the last two. */
export type SolveEvent =
  | { readonly kind: "started" | "cached" | "completed"; readonly vertex: Vertex; readonly atMs: number }
  | { readonly kind: "failed"; readonly vertex: Vertex; readonly atMs: number; readonly message: string }
  | {
      readonly kind: "progress";
      readonly vertex: Vertex;
      readonly bytes: number;
      readonly total?: number | undefined;
    }
  | {
      readonly kind: "output";
      readonly vertex: Vertex;
      readonly stream: "stdout" | "stderr";
      readonly bytes: Uint8Array;
    };

/** Steps of all builds of an engine, so that two builds share what both need. */
export type RunningSteps = SharedWork<readonly BuiltLayer[]>;

export function openRunningSteps(): RunningSteps {
  return new SharedWork();
}

/** Solves the vertices of one build: each once, those that do not depend on each other at the same time. */
export class Solver {
  readonly #worker: BuildWorker;
  readonly #running: RunningSteps;
  readonly #signal: AbortSignal;
  readonly #onEvent: (event: SolveEvent) => void;
  readonly #results = new Map<Vertex, Promise<Layers>>();
  readonly #runs = new Map<Vertex, Promise<RunResult>>();
  readonly #sources = new Map<Vertex, Promise<SourceTree>>();

  constructor(
    worker: BuildWorker,
    {
      running,
      signal,
      onEvent,
    }: {
      readonly running: RunningSteps;
      readonly signal: AbortSignal;
      readonly onEvent: (event: SolveEvent) => void;
    },
  ) {
    this.#worker = worker;
    this.#running = running;
    this.#signal = signal;
    this.#onEvent = onEvent;
  }

  /** The layers of a vertex; none for `scratch`. Throws what its first step that failed has thrown. */
  async solve(vertex: Vertex | undefined): Promise<Layers> {
    if (vertex === undefined) return [];
    const known = this.#results.get(vertex);
    if (known !== undefined) return await known;
    const result = this.#solveNew(vertex);
    this.#results.set(vertex, result);
    return await result;
  }

  /** Waits until no step goes on. Never rejects. */
  async settle(): Promise<void> {
    const count = (): number => this.#results.size + this.#sources.size;
    for (let known = -1; known !== count(); ) {
      known = count();
      await Promise.allSettled([...this.#results.values(), ...this.#sources.values()]);
    }
  }

  async #solveNew(vertex: Vertex): Promise<Layers> {
    const { operation } = vertex;
    switch (operation.kind) {
      case "image":
        this.#report("cached", vertex);
        return operation.image.layers;
      case "context":
      case "http":
      case "git":
        return await this.#contextLayers(vertex);
      case "run": {
        const { base, layers } = await this.#run(vertex, operation);
        return operation.isReadOnly === true ? base : [...base, ...layers.slice(0, 1)];
      }
      case "output":
        return await this.#output(operation);
      case "copy":
        return await this.#copy(vertex, operation);
      case "directory":
        return await this.#directory(vertex, operation);
      case "remove":
      case "link":
        return await this.#change(vertex, operation);
      case "merge":
        return await this.#merge(vertex, operation.inputs);
      case "diff":
        return await this.#difference(vertex, operation);
      default:
        return operation satisfies never;
    }
  }

  async #run(vertex: Vertex, operation: RunOperation): Promise<RunResult> {
    const known = this.#runs.get(vertex) ?? this.#runNew(vertex, operation);
    this.#runs.set(vertex, known);
    return await known;
  }

  async #runNew(vertex: Vertex, operation: RunOperation): Promise<RunResult> {
    const [base, ...mounts] = await Promise.all([
      this.solve(operation.base),
      ...operation.mounts.map(async (mount) => await this.#prepareMount(mount)),
    ]);
    const mountKeys = await Promise.all(mounts.map(async (mount) => await this.#mountKey(mount)));
    const key = runKey(operation, { base: chainKey(base), mounts: mountKeys });
    const kept = keptMounts(operation);
    const keys = [key, ...kept.map((index) => outputKey(key, index))] as const;
    const layers = await this.#steps(vertex, keys, async (signal) =>
      this.#worker.run(operation, {
        layers: base,
        mounts,
        description: vertex.name,
        signal,
        onOutput: (stream, bytes) => this.#onEvent({ kind: "output", vertex, stream, bytes }),
      }),
    );
    return { base, layers, mounts };
  }

  async #output({ of, mount }: OutputOperation): Promise<Layers> {
    if (of.operation.kind !== "run") throw new Failure("internal", "only programs have outputs");
    const { layers, mounts } = await this.#run(of, of.operation);
    const layer = layers[1 + keptMounts(of.operation).indexOf(mount)];
    return [...(mounts[mount]?.layers ?? []), ...(layer === undefined ? [] : [layer])];
  }

  async #prepareMount(mount: RunOperation["mounts"][number]): Promise<PreparedMount> {
    if ((mount.type !== "bind" && mount.type !== "cache") || mount.from === undefined) return { mount };
    const keepsChanges = mount.type === "bind" && mount.keepsChanges === true;
    const tree = keepsChanges ? undefined : await this.#findTree(mount.from);
    return tree === undefined ? { mount, layers: await this.solve(mount.from) } : { mount, tree };
  }

  /** What a mount's content adds to the key of its RUN. */
  async #mountKey({ mount, layers, tree }: PreparedMount): Promise<string> {
    if (layers !== undefined) return chainKey(layers);
    if (tree === undefined || mount.type !== "bind") return "";
    const source: CopiedSource = { kind: "tree", tree, path: mount.source, unpacks: false };
    return await digestSources({ ...plainCopy, sources: [source], signal: this.#signal });
  }

  async #copy(vertex: Vertex, operation: CopyOperation): Promise<Layers> {
    const { link, target, mode, parents, exclude, rules } = operation;
    const base = await this.solve(operation.base);
    await using views = new AsyncDisposableStack();
    const below = base.length === 0 ? undefined : views.use(await this.#worker.view(base));
    const sources: CopiedSource[] = [];
    for (const source of operation.sources) {
      if (source.kind === "file") {
        sources.push(source);
        continue;
      }
      const { from, ...path } = source;
      sources.push({ ...path, kind: "tree", tree: await this.#tree(from, views) });
    }
    const owner = ownerOf(operation.owner, below);
    const request: CopyRequest = {
      sources,
      target,
      owner,
      mode,
      parents,
      exclude:
        exclude.length === 0 && rules?.include === undefined
          ? undefined
          : this.#worker.compileFilter(exclude, rules?.include),
      rules,
      unpack: async (file) => await this.#worker.unpack(file, this.#signal),
      now: timeNow(),
      signal: this.#signal,
    };
    const key = copyKey({
      base: link ? undefined : chainKey(base),
      sources: await digestSources(request),
      target,
      owner,
      mode,
      parents,
      rules,
    });
    const layer = await this.#step(vertex, key, async (signal) =>
      this.#worker.storeLayer(packCopy(link ? undefined : below?.fd, { ...request, signal }), signal),
    );
    return [...base, layer];
  }

  async #tree(vertex: Vertex | undefined, views: AsyncDisposableStack): Promise<SourceTree> {
    const found = vertex === undefined ? undefined : await this.#findTree(vertex);
    if (found !== undefined) return found;
    return { root: views.use(await this.#worker.view(await this.solve(vertex))).fd };
  }

  /** Files that no step makes; undefined for a vertex with layers. */
  async #findTree(vertex: Vertex): Promise<SourceTree | undefined> {
    const { operation } = vertex;
    if (operation.kind === "context") return await this.#worker.context(operation.name);
    if (operation.kind !== "http" && operation.kind !== "git") return undefined;
    const known = this.#sources.get(vertex) ?? this.#source(vertex, operation);
    this.#sources.set(vertex, known);
    return await known;
  }

  async #source(vertex: Vertex, operation: HttpOperation | GitOperation): Promise<SourceTree> {
    this.#signal.throwIfAborted();
    this.#report("started", vertex);
    try {
      const { tree, isCached } = await this.#worker.source(operation, (bytes, total) =>
        this.#onEvent({ kind: "progress", vertex, bytes, total }),
      );
      this.#report(isCached ? "cached" : "completed", vertex);
      return tree;
    } catch (thrown) {
      this.#onEvent({ kind: "failed", vertex, atMs: Date.now(), message: sentenceOf(thrown) });
      throw thrown;
    }
  }

  async #directory(vertex: Vertex, operation: DirectoryOperation): Promise<Layers> {
    const { base: below, path, owner: text, mode, needsParent, timeNs } = operation;
    const base = await this.solve(below);
    await using views = new AsyncDisposableStack();
    const view = base.length === 0 ? undefined : views.use(await this.#worker.view(base));
    const owner = ownerOf(text, view);
    const key = directoryKey({ base: chainKey(base), path, owner, mode, needsParent, timeNs });
    const about = { path, owner, directoryMode: mode, rules: { needsParent, timeNs }, now: timeNow() };
    const layer = await this.#step(vertex, key, async (signal) =>
      this.#worker.storeLayer(packDirectory(view?.fd, about), signal),
    );
    return [...base, layer];
  }

  async #change(vertex: Vertex, operation: RemoveOperation | LinkOperation): Promise<Layers> {
    const base = await this.solve(operation.base);
    await using views = new AsyncDisposableStack();
    const view = base.length === 0 ? undefined : views.use(await this.#worker.view(base));
    const owner = operation.kind === "link" ? ownerOf(operation.owner, view) : undefined;
    const key = changeKey(operation, { base: chainKey(base), owner });
    const layer = await this.#step(vertex, key, async (signal) => {
      const tar =
        operation.kind === "remove"
          ? packRemoval(view?.fd, operation)
          : packLink(view?.fd, { ...operation, owner, rules: { timeNs: operation.timeNs }, now: timeNow() });
      return await this.#worker.storeLayer(tar, signal);
    });
    return [...base, layer];
  }

  /** SPEC: moby/buildkit, docs/dev/merge-diff.md. A layer that comes again counts in its last place. */
  async #merge(vertex: Vertex, inputs: readonly (Vertex | undefined)[]): Promise<Layers> {
    const all = (await Promise.all(inputs.map(async (input) => await this.solve(input)))).flat();
    this.#report("cached", vertex);
    return all.filter(({ diffId }, index) => all.findLastIndex((each) => each.diffId === diffId) === index);
  }

  async #difference(vertex: Vertex, operation: DiffOperation): Promise<Layers> {
    const [lower, upper] = await Promise.all([this.solve(operation.lower), this.solve(operation.upper)]);
    if (lower.every(({ diffId }, index) => upper[index]?.diffId === diffId)) {
      this.#report("cached", vertex);
      return upper.slice(lower.length);
    }
    const key = diffKey(chainKey(lower), chainKey(upper));
    return [
      await this.#step(vertex, key, async (signal) => this.#worker.storeDifference(lower, upper, signal)),
    ];
  }

  /** A build context as a file system: a copy of it. */
  async #contextLayers(vertex: Vertex): Promise<Layers> {
    return await this.#copy(vertex, {
      kind: "copy",
      base: undefined,
      sources: [{ kind: "path", from: vertex, path: "/", unpacks: false }],
      target: "/",
      exclude: [],
      parents: false,
      link: false,
    });
  }

  async #step(
    vertex: Vertex,
    key: string,
    work: (signal: AbortSignal) => Promise<BuiltLayer>,
  ): Promise<BuiltLayer> {
    const [layer] = await this.#steps(vertex, [key], async (signal) => [await work(signal)]);
    return required(layer);
  }

  /**
   * The results of a step, each under its key: those in the cache, those that another build is making, or new ones.
   */
  async #steps(
    vertex: Vertex,
    keys: readonly [string, ...string[]],
    work: (signal: AbortSignal) => Promise<readonly BuiltLayer[]>,
  ): Promise<readonly BuiltLayer[]> {
    this.#signal.throwIfAborted();
    const known = vertex.ignoresCache === true ? [] : await this.#findResults(keys);
    if (known.length > 0) {
      this.#report("cached", vertex);
      return known;
    }
    this.#report("started", vertex);
    try {
      const layers = await this.#running.run(keys[0], {
        signal: this.#signal,
        work: async (signal) => {
          const made = await work(signal);
          const createdAtMs = Date.now();
          return made.map((layer) => ({ ...layer, createdAtMs, createdBy: vertex.name }));
        },
      });
      for (const [index, layer] of layers.entries())
        await this.#worker.keepResult(required(keys[index]), { layer, about: vertex.name });
      this.#report("completed", vertex);
      return layers;
    } catch (thrown) {
      this.#onEvent({ kind: "failed", vertex, atMs: Date.now(), message: sentenceOf(thrown) });
      throw thrown;
    }
  }

  /** All of them, or none. */
  async #findResults(keys: readonly string[]): Promise<readonly BuiltLayer[]> {
    const found = await Promise.all(keys.map(async (key) => await this.#worker.findResult(key)));
    const layers = found.filter((each) => each !== undefined);
    return layers.length === keys.length ? layers : [];
  }

  #report(kind: "started" | "cached" | "completed", vertex: Vertex): void {
    this.#onEvent({ kind, vertex, atMs: Date.now() });
  }
}

interface RunResult {
  readonly base: Layers;
  /** Of the root, and of the mounts that keep their changes. */
  readonly layers: readonly BuiltLayer[];
  readonly mounts: readonly PreparedMount[];
}

/** Positions of the mounts that keep their changes. */
function keptMounts({ mounts }: RunOperation): readonly number[] {
  return mounts.flatMap((mount, index) =>
    mount.type === "bind" && mount.keepsChanges === true ? [index] : [],
  );
}

const plainCopy = { target: "/", owner: undefined, parents: false, now: { seconds: 0, nanoseconds: 0 } };

function timeNow(): CopyRequest["now"] {
  const ms = Date.now();
  return { seconds: Math.floor(ms / 1000), nanoseconds: (ms % 1000) * 1_000_000 };
}

/** At most so much of /etc/passwd and /etc/group is read. */
const databaseBytes = 4 * 1024 * 1024;

/** SPEC: BuildKit looks names up in the file system that is copied into; without a group, the user's number is both. */
function ownerOf(
  text: string | undefined,
  base: OwnedFd | undefined,
): { readonly uid: number; readonly gid: number } | undefined {
  if (text === undefined || text === "") return undefined;
  const read = (path: string): string => {
    const bytes = base === undefined ? undefined : readFileInRoot(base.fd, path, { limit: databaseBytes });
    return bytes === undefined ? "" : Buffer.from(bytes).toString();
  };
  const { uid, gid } = resolveUser(text, { passwd: read("/etc/passwd"), group: read("/etc/group") });
  return { uid, gid: /^\d+$/.test(text) ? uid : gid };
}
