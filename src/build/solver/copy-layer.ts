import { createHash } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../linux/constants/open.ts";
import { listDirectory } from "../../linux/files/directory.ts";
import { openBeneath, openInRoot } from "../../linux/files/open.ts";
import { type Stat, statFd } from "../../linux/files/stat.ts";
import { duplicateFd, type Fd, type OwnedFd } from "../../linux/kernel/fd.ts";
import { isErrno } from "../../linux/kernel/syscall.ts";
import { type FileDigests, noDigests } from "../../linux/tree/file-digests.ts";
import { type PackPart, packParts } from "../../linux/tree/tree.ts";
import type { TarMember } from "../../spec/tar-writer.ts";
import type { CopyRules, CopySource, RemoveOperation } from "../graph/graph-types.ts";
import { parseModeChange } from "./file-mode.ts";
import { componentPattern, isPattern } from "./match-path.ts";
import { type ResolvedPath, resolvePath } from "./resolve-path.ts";

/** Which paths of a tree are left out: those of `.dockerignore` and `--exclude`. */
export interface PathFilter {
  /** "enter": left out, but something below it may be taken. Paths are relative to the tree. */
  select(path: string, isDirectory: boolean): "take" | "enter" | "skip";
}

/** A tree that a copy reads. It is not written to meanwhile. */
export interface SourceTree {
  readonly root: Fd;
  /** Where it is on the host, if nothing can change it there and nothing in it is left out. */
  readonly path?: string | undefined;
  readonly filter?: PathFilter | undefined;
  /** The owners of its files mean nothing here: copies are root's. */
  readonly isForeign?: boolean | undefined;
  /** Remembers the digests of its files. */
  readonly digests?: FileDigests | undefined;
}

/** What COPY and ADD copy. */
export type CopiedSource =
  | (Omit<PathSource, "from" | "kind"> & { readonly kind: "tree"; readonly tree: SourceTree })
  | Extract<CopySource, { kind: "file" }>;

type PathSource = Extract<CopySource, { kind: "path" }>;
type TreeSource = Extract<CopiedSource, { kind: "tree" }>;

export interface UnpackedArchive extends AsyncDisposable {
  readonly root: Fd;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface CopyRequest {
  readonly sources: readonly CopiedSource[];
  /** Absolute; a slash at the end means a directory. */
  readonly target: string;
  /** Undefined: files of a stage keep theirs, all else is root's. */
  readonly owner: Owner | undefined;
  readonly mode?: string | undefined;
  readonly exclude?: PathFilter | undefined;
  readonly parents: boolean;
  readonly rules?: Pick<CopyRules, "keepsDirectories" | "needsParent" | "timeNs"> | undefined;
  /** Of new directories; absent: 0755. */
  readonly directoryMode?: number | undefined;
  /** The tree in an archive, for sources with `unpacks`; undefined: the file is none. The caller disposes of it. */
  readonly unpack?: ((file: Fd) => Promise<UnpackedArchive | undefined>) | undefined;
  /** Time of what the copy makes itself. */
  readonly now: { readonly seconds: number; readonly nanoseconds: number };
  readonly signal?: AbortSignal | undefined;
}

const root: Owner = { uid: 0, gid: 0 };
const noTime = { seconds: 0, nanoseconds: 0 };

/** An entry that a source names. The owner disposes of it. */
interface FoundEntry extends Disposable {
  readonly fd: Fd;
  readonly stat: Stat;
  /** Relative to its tree, as it was named. */
  readonly path: string;
}

/**
 * A digest of all that a copy takes from its sources, whatever the target has: names, kinds, modes, attributes, links
 * and contents, but no times. Throws "not-found" for a source that is missing.
 */
export async function digestSources({ sources, exclude, owner, mode, signal }: CopyRequest): Promise<string> {
  const hash = createHash("sha256");
  const change = mode === undefined ? undefined : parseModeChange(mode);
  for (const source of sources) {
    hash.update(JSON.stringify([source.kind, source.kind === "tree" ? source.unpacks : source.name]));
    if (source.kind === "file") {
      if (source.mode !== undefined) hash.update(JSON.stringify([source.mode]));
      hash.update(source.content);
      continue;
    }
    for (const entry of findEntries(source)) {
      using held = entry;
      const parts: PackPart[] = [
        {
          kind: "entry",
          entry: held.fd,
          as: held.path === "" ? "." : held.path,
          select: selectionOf(source.tree, held, exclude),
          rewrite: (member) => ({
            ...rewritten(member, { owner: ownerIn(source.tree, owner), change }),
            mtime: noTime,
          }),
          isContents: held.stat.kind === "directory",
          digests: source.tree.digests ?? noDigests,
        },
      ];
      for await (const piece of packParts(parts, { signal })) hash.update(piece);
    }
  }
  return hash.digest("hex");
}

/**
 * The layer that a copy makes, as tar, on top of the tree `base`; `undefined`: on top of nothing. Links in the target's
 * path are followed inside `base`.
 */
export function packCopy(base: Fd | undefined, request: CopyRequest): AsyncIterable<Uint8Array> {
  return packParts(new CopyParts(base, request).list(), { signal: request.signal });
}

type NewEntry = Pick<CopyRequest, "owner" | "now" | "rules"> & { readonly path: string };

/** The layer of a directory, and of those above it that are missing, as tar. */
export function packDirectory(
  base: Fd | undefined,
  { path, ...request }: NewEntry & { readonly directoryMode?: number | undefined },
): AsyncIterable<Uint8Array> {
  const parts = new CopyParts(base, { sources: [], target: path, parents: false, ...request });
  return packParts(parts.makeDirectory(path));
}

/** The layer of a symbolic link as tar. Throws "conflict" where something is in its place. */
export function packLink(
  base: Fd | undefined,
  { path, target, ...request }: NewEntry & { readonly target: string },
): AsyncIterable<Uint8Array> {
  return packParts(
    new CopyParts(base, { sources: [], target: path, parents: false, ...request }).makeLink(path, target),
  );
}

/** The layer that removes paths, as tar. Throws "not-found" where nothing is there and `isRequired`. */
export function packRemoval(
  base: Fd | undefined,
  { path, isPattern: expands, isRequired }: Pick<RemoveOperation, "path" | "isPattern" | "isRequired">,
): AsyncIterable<Uint8Array> {
  const request = { sources: [], target: path, owner: undefined, now: noTime, parents: false };
  const found = base === undefined ? [] : existing(base, path, { isPlain: !expands });
  if (found.length === 0 && isRequired)
    throw new Failure("not-found", `cannot remove ${path}: no such file or directory`);
  return packParts(new CopyParts(base, request).remove(found));
}

class CopyParts {
  readonly #base: Fd | undefined;
  readonly #request: CopyRequest;
  /** Directories that are in the archive. */
  readonly #made = new Set<string>();

  constructor(base: Fd | undefined, request: CopyRequest) {
    this.#base = base;
    this.#request = request;
  }

  async *list(): AsyncGenerator<PackPart> {
    const { sources } = this.#request;
    for (const source of sources) {
      if (source.kind === "file") {
        const path = yield* this.#place(source.name, { isDirectory: false });
        yield {
          kind: "member",
          member: this.#member(path, "file", source.mode ?? 0o644),
          content: Buffer.from(source.content),
        };
        continue;
      }
      const found = findEntries(source);
      for (const entry of found) {
        using held = entry;
        await using archive =
          source.unpacks && held.stat.kind === "file" ? await this.#request.unpack?.(held.fd) : undefined;
        if (archive !== undefined) {
          yield* this.#unpack(archive.root);
          continue;
        }
        yield* this.#copy(source.tree, held);
      }
    }
  }

  /** SPEC: Dockerfile reference, ADD: the content keeps its owners, and merges with what is there. */
  *#unpack(root: Fd): Generator<PackPart> {
    const { target, owner, mode } = this.#request;
    const change = mode === undefined ? undefined : parseModeChange(mode);
    const { path: as, stat } = this.#resolve(target);
    if (stat !== undefined && stat.kind !== "directory") {
      throw new Failure("invalid", `cannot copy to non-directory: ${target}`);
    }
    yield* this.makeDirectories(`/${as}`);
    const rewrite = (member: TarMember): TarMember => this.#timed(rewritten(member, { owner, change }));
    yield { kind: "entry", entry: root, as, rewrite, isContents: true };
  }

  *#copy(tree: SourceTree, entry: FoundEntry): Generator<PackPart> {
    const { exclude, owner, mode, parents } = this.#request;
    const change = mode === undefined ? undefined : parseModeChange(mode);
    const isDirectory = entry.stat.kind === "directory";
    const named = parents ? entry.path : (entry.path.split("/").at(-1) ?? "");
    const as = yield* this.#place(named, { isDirectory, keepsName: parents });
    const rewrite = (member: TarMember): TarMember =>
      this.#timed(rewritten(member, { owner: ownerIn(tree, owner), change }));
    const select = selectionOf(tree, entry, exclude);
    // SPEC: BuildKit copies what is in a directory; the place that it goes to has attributes of its own.
    const isContents = isDirectory && (!parents || as === "" || this.#exists(as) || this.#made.has(as));
    if (isContents) yield* this.makeDirectories(`/${as}`);
    else if (isDirectory) this.#made.add(as);
    yield { kind: "entry", entry: entry.fd, as, select, rewrite, isContents };
  }

  /** Where a source is copied to; the directories above it come first. Relative, without links. */
  *#place(
    name: string,
    { isDirectory, keepsName = false }: { readonly isDirectory: boolean; readonly keepsName?: boolean },
  ): Generator<PackPart, string> {
    const { target, rules } = this.#request;
    const resolved = this.#resolve(target);
    if (rules?.needsParent === true) this.#requireParent(target);
    const isIntoDirectory =
      target.endsWith("/") || resolved.stat?.kind === "directory" || this.#made.has(resolved.path);
    const isWhole = isDirectory && rules?.keepsDirectories !== true;
    const isPlain = keepsName ? false : isWhole || !isIntoDirectory;
    const wanted = isPlain ? target : `${target.replace(/\/$/, "")}/${name}`;
    const { path, stat } = this.#resolve(wanted);
    if (isDirectory && stat !== undefined && stat.kind !== "directory") {
      throw new Failure("invalid", `cannot copy to non-directory: ${wanted}`);
    }
    if (!isDirectory && stat?.kind === "directory") {
      throw new Failure("invalid", `cannot replace to directory ${wanted} with file`);
    }
    const slash = path.lastIndexOf("/");
    if (slash > 0) yield* this.makeDirectories(`/${path.slice(0, slash)}`);
    return path;
  }

  /** A directory and all above it: with the attributes that they have, or new ones. */
  *makeDirectories(path: string): Generator<PackPart> {
    const { path: clean, directories } = this.#resolve(path);
    if (clean === "") return;
    const known = new Map(directories.map((each) => [each.path, each]));
    let here = "";
    for (const name of clean.split("/")) {
      here = here === "" ? name : `${here}/${name}`;
      if (this.#made.has(here)) continue;
      this.#made.add(here);
      if (known.has(here) && this.#base !== undefined) {
        using place = openInRoot(this.#base, here, O_PATH | O_NOFOLLOW | O_DIRECTORY);
        yield { kind: "entry", entry: place.fd, as: here, select: () => "skip" };
      } else {
        const { directoryMode = 0o755 } = this.#request;
        yield { kind: "member", member: this.#member(`${here}/`, "directory", directoryMode) };
      }
    }
  }

  *makeDirectory(path: string): Generator<PackPart> {
    if (this.#request.rules?.needsParent === true) this.#requireParent(path);
    yield* this.makeDirectories(path);
  }

  *makeLink(path: string, target: string): Generator<PackPart> {
    const slash = path.lastIndexOf("/");
    const { path: parent } = this.#resolve(path.slice(0, slash) || "/");
    const name = path.slice(slash + 1);
    const as = parent === "" ? name : `${parent}/${name}`;
    if (
      name === "" ||
      (this.#base !== undefined && findEntry(this.#base, as, { keepsLink: true }) !== undefined)
    )
      throw new Failure("conflict", `cannot make the symbolic link ${path}: file exists`);
    yield* this.makeDirectories(`/${parent}`);
    yield { kind: "member", member: { ...this.#member(as, "symlink", 0o777), linkName: target } };
  }

  /** Paths are relative and without links. */
  *remove(paths: readonly string[]): Generator<PackPart> {
    for (const path of paths) {
      const slash = path.lastIndexOf("/");
      if (path === "") throw new Failure("invalid", "cannot remove /: it is the root of the file system");
      if (slash > 0) yield* this.makeDirectories(`/${path.slice(0, slash)}`);
      const mark = `${path.slice(0, slash + 1)}.wh.${path.slice(slash + 1)}`;
      yield { kind: "member", member: this.#member(mark, "file", 0o644) };
    }
  }

  #requireParent(path: string): void {
    const above = path.slice(0, path.lastIndexOf("/")) || "/";
    if (this.#resolve(above).stat?.kind === "directory" || above === "/") return;
    throw new Failure("not-found", `cannot make ${path}: no such directory: ${above}`);
  }

  #timed(member: TarMember): TarMember {
    const { rules } = this.#request;
    return rules?.timeNs === undefined ? member : { ...member, mtime: timeOfNs(rules.timeNs) };
  }

  #member(path: string, type: "file" | "directory" | "symlink", mode: number): TarMember {
    const { owner = root, now, mode: change, rules } = this.#request;
    const isFile = type === "file";
    return {
      path,
      type,
      mode: isFile && change !== undefined ? parseModeChange(change)(mode, false) : mode,
      uid: owner.uid,
      gid: owner.gid,
      mtime: rules?.timeNs === undefined ? now : timeOfNs(rules.timeNs),
    };
  }

  #exists(path: string): boolean {
    return this.#resolve(`/${path}`).stat?.kind === "directory";
  }

  #resolve(path: string): ResolvedPath {
    if (this.#base !== undefined) return resolvePath(this.#base, path);
    const clean = path
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .join("/");
    return { path: clean, directories: [], stat: undefined };
  }
}

/** The entries that a source names: more than one for a pattern. In the order of names, one open at a time. */
function* findEntries({
  tree: { root, filter },
  path: source,
  ...how
}: TreeSource): Generator<FoundEntry, void> {
  const parts = source.split("/").filter((part) => part !== "" && part !== ".");
  const clean: string[] = [];
  for (const part of parts) {
    if (part === "..") clean.pop();
    else clean.push(part);
  }
  const expands = how.isPlain !== true && clean.some(isPattern);
  const found = expands ? matching(root, clean) : [clean.join("/")];
  let isFound = false;
  for (const path of found) {
    const isLeftOut = path !== "" && filter?.select(path, false) === "skip";
    const entry = isLeftOut ? undefined : findEntry(root, path, how);
    if (entry === undefined) continue;
    isFound = true;
    yield entry;
  }
  // SPEC: BuildKit copies nothing for a pattern that nothing matches.
  if (!isFound && (!expands || how.isRequired === true)) {
    throw new Failure("not-found", `failed to calculate checksum of ref: "/${clean.join("/")}": not found`, {
      details: { path: clean.join("/") },
    });
  }
}

function findEntry(
  root: Fd,
  path: string,
  { keepsLink = false }: { readonly keepsLink?: boolean | undefined } = {},
): FoundEntry | undefined {
  try {
    const flags = keepsLink ? O_PATH | O_NOFOLLOW : O_PATH;
    const place: OwnedFd = path === "" ? duplicateFd(root) : openInRoot(root, path, flags);
    return { fd: place.fd, stat: statFd(place.fd), path, [Symbol.dispose]: () => place[Symbol.dispose]() };
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) return undefined;
    throw thrown;
  }
}

/** The paths that exist, without links in their directories. */
function existing(base: Fd, path: string, { isPlain }: { readonly isPlain: boolean }): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  const named = isPlain ? [parts.join("/")] : matching(base, parts);
  return named.flatMap((each) => {
    const slash = each.lastIndexOf("/");
    const { path: parent } = resolvePath(base, each.slice(0, Math.max(0, slash)));
    const real = parent === "" ? each.slice(slash + 1) : `${parent}/${each.slice(slash + 1)}`;
    using entry = findEntry(base, real, { keepsLink: true });
    return entry === undefined ? [] : [real];
  });
}

function timeOfNs(ns: bigint): CopyRequest["now"] {
  return { seconds: Number(ns / 1_000_000_000n), nanoseconds: Number(ns % 1_000_000_000n) };
}

function matching(root: Fd, components: readonly string[]): readonly string[] {
  let level = [""];
  for (const component of components) {
    const next: string[] = [];
    const pattern = isPattern(component) ? componentPattern(component) : undefined;
    for (const directory of level) {
      const join = (name: string): string => (directory === "" ? name : `${directory}/${name}`);
      if (pattern === undefined) next.push(join(component));
      else
        next.push(
          ...namesIn(root, directory)
            .filter((name) => pattern.test(name))
            .map(join),
        );
    }
    level = next;
  }
  return level;
}

function namesIn(root: Fd, directory: string): readonly string[] {
  try {
    using place = directory === "" ? duplicateFd(root) : openInRoot(root, directory, O_PATH | O_DIRECTORY);
    using opened = openBeneath(place.fd, ".", O_DIRECTORY);
    return listDirectory(opened.fd)
      .map(({ name }) => name)
      .sort();
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) return [];
    throw thrown;
  }
}

function selectionOf(
  { filter }: SourceTree,
  { path }: FoundEntry,
  exclude: PathFilter | undefined,
): ((below: string, kind: Stat["kind"]) => "take" | "enter" | "skip") | undefined {
  if (filter === undefined && exclude === undefined) return undefined;
  return (below, kind) => {
    const isDirectory = kind === "directory";
    const whole = path === "" ? below : `${path}/${below}`;
    const own = filter?.select(whole, isDirectory) ?? "take";
    const other = exclude?.select(below, isDirectory) ?? "take";
    if (own === "skip" || other === "skip") return "skip";
    return own === "enter" || other === "enter" ? "enter" : "take";
  };
}

function ownerIn({ isForeign = false }: SourceTree, owner: Owner | undefined): Owner | undefined {
  return owner ?? (isForeign ? root : undefined);
}

function rewritten(
  member: TarMember,
  {
    owner,
    change,
  }: {
    readonly owner: Owner | undefined;
    readonly change: ReturnType<typeof parseModeChange> | undefined;
  },
): TarMember {
  const owned = owner === undefined ? member : { ...member, uid: owner.uid, gid: owner.gid };
  if (change === undefined || member.type === "symlink") return owned;
  return { ...owned, mode: change(member.mode ?? 0, member.type === "directory") };
}
