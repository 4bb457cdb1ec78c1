import { createHash, randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunOperation } from "../../build/graph/graph-types.ts";
import { resolvePath } from "../../build/solver/resolve-path.ts";
import type { Layers, PreparedMount } from "../../build/solver/solver.ts";
import { Failure } from "../../base/failure.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import { O_NOFOLLOW, O_PATH } from "../../linux/constants/open.ts";
import { type FileTime, type Stat, statFd } from "../../linux/files/stat.ts";
import { openDirectoryPath, openInRoot } from "../../linux/files/open.ts";
import { packParts, packTree, unpackLayer } from "../../linux/tree/tree.ts";
import type { BuildRequest } from "../../model/builds.ts";
import type { ContainerMount } from "../../model/mounts.ts";
import { secretVariable } from "../containers/files/secrets.ts";
import type { ContainerContext } from "../context.ts";
import { openStepAgent } from "./agent-socket.ts";

type CacheMount = Extract<RunOperation["mounts"][number], { type: "cache" }>;
type BindMount = Extract<RunOperation["mounts"][number], { type: "bind" }>;
type SecretMount = Extract<RunOperation["mounts"][number], { type: "secret" }>;

/** The mounts of one step while it runs. */
export interface StepMounts extends AsyncDisposable {
  readonly mounts: readonly ContainerMount[];
  /** `NAME=value` of secrets. */
  readonly secretVariables: readonly string[];
  /** Of the mounts that keep their changes, in their order. */
  readonly outputs: readonly StepOutput[];
}

/** A directory that a step writes as a result. */
export interface StepOutput {
  readonly path: string;
  /** What it began with. */
  readonly layers: Layers;
  /** When it was complete. */
  readonly since: FileTime;
}

/** Directories of cache mounts in `<dataRoot>/build/mounts`, and who uses them. */
export class CacheMounts {
  readonly context: ContainerContext;
  readonly #root: string;
  /** Of mounts that one step at a time may use. */
  readonly #locks = new KeyedLock();
  /** Of directories that are being made. */
  readonly #making = new KeyedLock();
  readonly #users = new Map<string, number>();

  constructor(context: ContainerContext) {
    this.context = context;
    this.#root = join(context.dependencies.dataRoot, "build", "mounts");
  }

  isUsed(key: string): boolean {
    return (this.#users.get(key) ?? 0) > 0;
  }

  path(key: string): string {
    return join(this.#root, key);
  }

  /** Removes what is in it; the caller removes its record. */
  remove(key: string): void {
    rmSync(this.path(key), { recursive: true, force: true });
  }

  /**
   * The directory of a mount until it is disposed of. `content` is what a new one has in it; each content has a
   * directory of its own.
   */
  async use(
    mount: CacheMount,
    {
      description,
      content,
      signal,
    }: {
      readonly description: string;
      readonly content?: CacheContent | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<Disposable & { readonly path: string }> {
    const hash = createHash("sha256").update(mount.id);
    const base = (content === undefined ? hash : hash.update(`\0${content.key}`)).digest("hex");
    using held = new DisposableStack();
    let key = base;
    if (mount.sharing === "locked") held.use(await this.#locks.acquire(base, { signal }));
    if (mount.sharing === "private")
      for (let number = 1; this.isUsed(key); number++) key = `${base}-${number}`;
    this.#users.set(key, (this.#users.get(key) ?? 0) + 1);
    held.defer(() => this.#users.set(key, (this.#users.get(key) ?? 1) - 1));
    this.#note(key, description);
    {
      using _ = await this.#making.acquire(key, { signal });
      if (!existsSync(this.path(key))) await this.#make(key, mount, content);
    }
    const moved = held.move();
    return { path: this.path(key), [Symbol.dispose]: () => moved.dispose() };
  }

  #note(key: string, description: string): void {
    const { state } = this.context;
    const now = Date.now();
    const known = state.buildCache().get(key);
    state.putBuildCache({
      kind: "mount",
      key,
      description,
      createdAt: known?.createdAt ?? now,
      usedAt: now,
      uses: (known?.uses ?? 0) + 1,
    });
  }

  async #make(key: string, { mode, uid, gid }: CacheMount, content: CacheContent | undefined): Promise<void> {
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    if (content !== undefined) {
      // Whole or not at all: a crash leaves nothing.
      renameSync(await content.copy(), this.path(key));
      return;
    }
    mkdirSync(this.path(key), { mode: 0o700 });
    chownSync(this.path(key), uid, gid);
    chmodSync(this.path(key), mode);
  }
}

/** What a new cache directory has in it. */
interface CacheContent {
  /** Equal for equal contents. */
  readonly key: string;
  /** Makes a directory of it, on the disk of the data root. */
  copy(): Promise<string>;
}

/** Makes what the mounts of a step show. The caller disposes of it after the step. */
export async function prepareStepMounts(
  operation: RunOperation,
  {
    mounts: prepared,
    caches,
    description,
    readSecret,
    openAgent,
    signal,
  }: {
    readonly mounts: readonly PreparedMount[];
    readonly caches: CacheMounts;
    readonly description: string;
    readonly readSecret: BuildRequest["readSecret"];
    readonly openAgent: BuildRequest["openAgent"];
    readonly signal: AbortSignal;
  },
): Promise<StepMounts> {
  await using held = new AsyncDisposableStack();
  const files = new StepFiles(caches.context.dependencies);
  held.defer(() => files.remove());
  const mounts: ContainerMount[] = [];
  const secretVariables: string[] = [];
  const outputs: StepOutput[] = [];
  for (const each of prepared) {
    const { mount } = each;
    switch (mount.type) {
      case "bind":
        if (mount.keepsChanges === true) {
          const output = await openOutput(each.layers ?? [], { context: caches.context, files, signal });
          outputs.push(output);
          mounts.push({ kind: "bind", source: below(output.path, mount.source), target: mount.target });
          break;
        }
        mounts.push(
          mount.readOnly && (each.tree === undefined || each.tree.path !== undefined)
            ? bindOf(each, mount)
            : await copiedBind(each, mount, { context: caches.context, files, signal }),
        );
        break;
      case "cache": {
        const content = contentOf(each, mount, { context: caches.context, files, signal });
        const { path } = held.use(await caches.use(mount, { description, content, signal }));
        mounts.push({ kind: "bind", source: path, target: mount.target, readonly: mount.readOnly });
        break;
      }
      case "tmpfs": {
        const options = mount.sizeBytes === 0 ? undefined : `size=${mount.sizeBytes}`;
        mounts.push({ kind: "tmpfs", target: mount.target, options });
        break;
      }
      case "secret": {
        const value = await findSecret(mount, readSecret, signal);
        if (value === undefined) break;
        if (mount.env !== undefined) secretVariables.push(secretVariable(mount.id, mount.env, value));
        if (mount.target === undefined) break;
        mounts.push({ kind: "bind", source: files.add(value, mount), target: mount.target, readonly: true });
        break;
      }
      case "ssh": {
        const socket = await openStepAgent(mount, { openAgent, directory: () => files.directory(), signal });
        if (socket === undefined) break;
        held.use(socket);
        mounts.push({ kind: "bind", source: socket.path, target: mount.target, readonly: true });
        break;
      }
      default:
        mount satisfies never;
    }
  }
  for (const [target, text] of operation.scripts) {
    const source = files.add(Buffer.from(text), { mode: 0o755, uid: 0, gid: 0 });
    mounts.push({ kind: "bind", source, target, readonly: true });
  }
  const moved = held.move();
  return { mounts, secretVariables, outputs, [Symbol.asyncDispose]: async () => await moved.disposeAsync() };
}

function bindOf(
  { layers, tree }: PreparedMount,
  mount: Extract<RunOperation["mounts"][number], { type: "bind" }>,
): ContainerMount {
  const { target, source } = mount;
  if (tree !== undefined) {
    // SAFETY: links in a context are followed inside it; it is in a directory of the engine's own.
    const { path, stat } = resolvePath(tree.root, source);
    if (stat === undefined || tree.path === undefined) throw missing(source);
    return { kind: "bind", source: join(tree.path, path), target, readonly: true };
  }
  return {
    kind: "image",
    image: "",
    target,
    subpath: source.slice(1),
    layers: (layers ?? []).map(({ diffId }) => diffId),
  };
}

interface CopyParts {
  readonly context: ContainerContext;
  readonly files: StepFiles;
  readonly signal: AbortSignal;
}

/** What a new cache directory has; undefined: nothing. */
function contentOf(
  prepared: PreparedMount,
  { from, source }: CacheMount,
  parts: CopyParts,
): CacheContent | undefined {
  const { layers, tree } = prepared;
  if (from === undefined) return undefined;
  const origin = tree === undefined ? (layers ?? []).map(({ diffId }) => diffId) : "context";
  return {
    key: JSON.stringify([origin, source]),
    copy: async () => {
      const { directory, name } = await copyOf(prepared, source, parts);
      if (name !== ".") throw new Failure("invalid", `cannot use "${source}" as a cache: it is no directory`);
      return directory;
    },
  };
}

/** A copy without what is left out: a directory, or a file in one. The program may change it. */
async function copyOf(
  { layers = [], tree }: PreparedMount,
  source: string,
  { context, files, signal }: CopyParts,
): Promise<{ readonly directory: string; readonly name: "." | "file" }> {
  using view =
    tree === undefined
      ? await context.dependencies.storage.viewLayers(layers.map(({ diffId }) => diffId))
      : undefined;
  const root = view?.fd ?? tree?.root;
  if (root === undefined) throw missing(source);
  const { path, stat } = resolvePath(root, source);
  if (stat === undefined) throw missing(source);
  using entry = openInRoot(root, path, O_PATH | O_NOFOLLOW);
  const directory = files.makeDirectory();
  using into = openDirectoryPath(directory);
  const as = stat.kind === "directory" ? "." : "file";
  const filter = tree?.filter;
  if (path !== "" && filter?.select(path, as === ".") === "skip") throw missing(source);
  const select = (below: string, kind: Stat["kind"]): "take" | "enter" | "skip" =>
    filter?.select(path === "" ? below : `${path}/${below}`, kind === "directory") ?? "take";
  await unpackLayer(packParts([{ kind: "entry", entry: entry.fd, as, select }], { signal }), into.fd, {
    whiteouts: "plain",
    owner: tree?.isForeign === true ? { uid: 0, gid: 0 } : undefined,
    signal,
  });
  return { directory, name: as };
}

async function copiedBind(
  prepared: PreparedMount,
  { target, source, readOnly }: BindMount,
  parts: CopyParts,
): Promise<ContainerMount> {
  const { directory, name } = await copyOf(prepared, source, parts);
  return { kind: "bind", source: join(directory, name), target, readonly: readOnly };
}

/** A copy of a whole file system, which the program changes. */
async function openOutput(
  layers: Layers,
  {
    context,
    files,
    signal,
  }: { readonly context: ContainerContext; readonly files: StepFiles; readonly signal: AbortSignal },
): Promise<StepOutput> {
  const path = files.makeDirectory();
  using view = await context.dependencies.storage.viewLayers(layers.map(({ diffId }) => diffId));
  using into = openDirectoryPath(path);
  await unpackLayer(packTree(view.fd, { signal }), into.fd, { whiteouts: "plain", signal });
  chmodSync(path, 0o755);
  return { path, layers, since: statFd(into.fd).changed };
}

/** SAFETY: no process writes there yet; links are followed inside the directory. */
function below(directory: string, source: string): string {
  using root = openDirectoryPath(directory);
  const { path, stat } = resolvePath(root.fd, source);
  if (stat === undefined) throw missing(source);
  return join(directory, path);
}

function missing(source: string): Failure {
  return new Failure("not-found", `failed to calculate checksum of ref: "${source}": not found`);
}

async function findSecret(
  { id, required }: SecretMount,
  readSecret: BuildRequest["readSecret"],
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const value = await readSecret?.(id, signal);
  if (value === undefined && required) throw new Failure("not-found", `secret ${id}: not found`);
  return value;
}

/** Files that one step sees, in the run root: of root alone, and gone with the step. */
class StepFiles {
  readonly #directory: string;
  readonly #copies: string;
  #count = 0;

  constructor({ runRoot, dataRoot }: { readonly runRoot: string; readonly dataRoot: string }) {
    const name = randomBytes(8).toString("hex");
    this.#directory = join(runRoot, "builds", name);
    this.#copies = join(dataRoot, "build", "copies", name);
  }

  add(
    content: Uint8Array,
    { mode, uid, gid }: { readonly mode: number; readonly uid: number; readonly gid: number },
  ): string {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, String(this.#count++));
    writeFileSync(path, content, { mode: 0o600, flag: "wx" });
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    return path;
  }

  /** For sockets: in the run root. */
  directory(): string {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    return this.#directory;
  }

  /** On the disk of the data root: it may become large. */
  makeDirectory(): string {
    const path = join(this.#copies, String(this.#count++));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  remove(): void {
    rmSync(this.#copies, { recursive: true, force: true });
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
