import { createHash } from "node:crypto";
import { required } from "../../../base/required.ts";
import { Failure, within } from "../../../base/failure.ts";
import { decodeBytes } from "../../../spec/byte-text.ts";
import type { IdMaps } from "../../../spec/id-map.ts";
import type { SparseFragment } from "../../../spec/tar-entry.ts";
import { encodeTarEnd, encodeTarMember, type TarMember, tarPadding } from "../../../spec/tar-writer.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
} from "../../constants/open.ts";
import { isKernelFilesystem } from "../../mount/filesystem-status.ts";
import { listDirectory } from "../../files/directory.ts";
import { type Fd, OwnedFd } from "../../kernel/fd.ts";
import { readLinkFd } from "../../files/open.ts";
import { pathArgument } from "../../kernel/path-argument.ts";
import { type Stat, statFd } from "../../files/stat.ts";
import { call, callAsync, isErrno } from "../../kernel/syscall.ts";
import { findXattr, listXattrs } from "../../files/xattr.ts";
import type { TreeChange } from "../change.ts";
import { Descent } from "./descent.ts";
import { baseOf, joinPath, parentOf } from "../entry-path.ts";
import { AUFS_OWN, isWhiteout, type MarksName, marksOf, WHITEOUT } from "./marks.ts";
import { isAllowedXattr } from "../metadata.ts";
import { OpenDirectories } from "./open-directories.ts";
import type { FileDigests } from "../file-digests.ts";
import type { Pace } from "../pace.ts";
import { withContainerAttributes, withContainerOwner } from "./shift-ids.ts";
import { findFragments, iterateFragments } from "./sparse-file.ts";

/** Whether an entry goes into the archive; "enter": a directory that does only where something in it does. */
export type Selection = "take" | "enter" | "skip";

/** A piece of an archive that is put together. */
export type PackPart =
  | { readonly kind: "member"; readonly member: TarMember; readonly content?: Uint8Array | undefined }
  /** As packEntry(); with `as` "" only what is in a directory. */
  | {
      readonly kind: "entry";
      readonly entry: Fd;
      readonly as: string;
      /** Of paths below the entry, relative to it. The entry itself is always taken. */
      readonly select?: ((path: string, kind: Stat["kind"]) => Selection) | undefined;
      readonly rewrite?: ((member: TarMember) => TarMember) | undefined;
      /** Only what is in it, whose directory is in the archive already. */
      readonly isContents?: boolean | undefined;
      /** The stream is only compared: each file has the digest of its attributes and content in it, not the content. */
      readonly digests?: FileDigests | undefined;
    };

type EntryPart = Extract<PackPart, { kind: "entry" }>;

export interface PackRules {
  readonly whiteouts: MarksName | "none";
  readonly sparse: boolean;
  readonly mounts: "empty" | "cross";
  readonly times: "exact" | "seconds";
  readonly idMaps: IdMaps | undefined;
  readonly ignored: ReadonlySet<string> | undefined;
  readonly pace: Pace;
}

const CHUNK_BYTES = 1 << 18;
/** Larger files are read on the thread pool: they may have to come from the disk. */
const LARGE_FILE_BYTES = 1 << 20;

/** One run of packTree(). */
export class Packing {
  readonly #rules: PackRules;
  readonly #names: Map<string, string> = new Map();
  #chunk: Uint8Array = new Uint8Array(CHUNK_BYTES);
  #used = 0;
  #mountId: bigint = 0n;
  #part: EntryPart | undefined;
  /** Directories that are entered, and not in the archive so far. */
  #entered: { readonly path: string; readonly place: OwnedFd }[] = [];

  constructor(rules: PackRules) {
    this.#rules = rules;
  }

  async *run(root: Fd): AsyncGenerator<Uint8Array, void> {
    this.#mountId = statFd(root).mountId;
    using top = new OwnedFd(call("openat", root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (this.#isOpaque(top.fd)) yield* this.#put(encodeTarMember({ path: ".wh..wh..opq", type: "file" }));
    try {
      yield* this.#packContents(top.move(), "");
    } finally {
      for (const { place } of this.#entered.splice(0)) place[Symbol.dispose]();
    }
    yield* this.#end();
  }

  /** See packEntry(). */
  async *runEntry(entry: Fd, as: string): AsyncGenerator<Uint8Array, void> {
    const stat = statFd(entry);
    this.#mountId = stat.mountId;
    if (stat.kind === "socket") throw new Failure("invalid", "a socket has no place in an archive");
    const path = as === "/" ? "" : as;
    yield* this.#packMember(entry, stat, path);
    if (stat.kind === "directory") {
      const top = call("openat", entry, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      yield* this.#packContents(top, `${path}/`);
    }
    yield* this.#end();
  }

  /** One archive of several pieces. */
  async *runParts(parts: Iterable<PackPart> | AsyncIterable<PackPart>): AsyncGenerator<Uint8Array, void> {
    for await (const part of parts) {
      if (part.kind === "member") {
        const size = part.content?.length ?? 0;
        yield* this.#put(encodeTarMember({ ...part.member, size }));
        if (part.content !== undefined) yield* this.#put(part.content);
        yield* this.#put(new Uint8Array(tarPadding(size)));
      } else {
        yield* this.#runPart(part);
      }
    }
    yield* this.#end();
  }

  async *#runPart(part: EntryPart): AsyncGenerator<Uint8Array, void> {
    const { entry, as, isContents = false } = part;
    const stat = statFd(entry);
    if (stat.kind === "socket") throw new Failure("invalid", "a socket has no place in an archive");
    this.#mountId = stat.mountId;
    this.#part = part;
    // Another part may have the same file under another owner.
    this.#names.clear();
    try {
      if (!isContents) yield* this.#packMember(entry, stat, as);
      if (stat.kind !== "directory") return;
      const top = call("openat", entry, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      yield* this.#packContents(top, as === "" ? "" : `${as}/`);
    } finally {
      this.#part = undefined;
      for (const { place } of this.#entered.splice(0)) place[Symbol.dispose]();
    }
  }

  /** The directories above a path that were only entered so far. */
  async *#putEntered(path: string): AsyncGenerator<Uint8Array, void> {
    for (const each of this.#entered.splice(0)) {
      using place = each.place;
      if (path.startsWith(`${each.path}/`)) yield* this.#packMember(place.fd, statFd(place.fd), each.path);
    }
  }

  #select(path: string, kind: Stat["kind"]): Selection {
    if (this.#rules.ignored?.has(path) === true) return kind === "directory" ? "enter" : "skip";
    if (this.#part?.select === undefined) return "take";
    const { as, select } = this.#part;
    return select(as === "" ? path : path.slice(as.length + 1), kind);
  }

  /** Only what these changes name, each without what is in it; a deletion as a whiteout. */
  async *runChanges(root: Fd, changes: readonly TreeChange[]): AsyncGenerator<Uint8Array, void> {
    this.#mountId = statFd(root).mountId;
    using directories = new OpenDirectories(root, "strict");
    for (const { path: absolute, kind } of changes) {
      const path = absolute.slice(1);
      const name = baseOf(path);
      if (kind === "deleted") {
        const whiteout = joinPath(parentOf(path), `.wh.${name}`);
        if (!name.startsWith(".wh.")) yield* this.#put(encodeTarMember({ path: whiteout, type: "file" }));
      } else {
        const parent = directories.find(parentOf(path));
        if (parent !== undefined) yield* this.#packEntry(parent, name, path);
      }
      if (this.#rules.pace.isDue()) await this.#rules.pace.rest();
    }
    yield* this.#end();
  }

  /** Takes the descriptor over. */
  async *#packContents(top: Fd, prefix: string): AsyncGenerator<Uint8Array, void> {
    using descent = new Descent(top, { crossesMounts: this.#rules.mounts === "cross" });
    const levels = [{ prefix, names: namesIn(descent.fd) }];
    for (;;) {
      const level = required(levels.at(-1));
      const name = level.names.pop();
      if (name === undefined) {
        levels.pop();
        if (levels.length === 0) return;
        descent.up();
        continue;
      }
      const path = `${level.prefix}${name}`;
      const kind = yield* this.#packEntry(descent.fd, name, path);
      if (kind === "directory" && enter(descent, name)) {
        levels.push({ prefix: `${path}/`, names: namesIn(descent.fd) });
      }
      if (this.#rules.pace.isDue()) await this.#rules.pace.rest();
    }
  }

  *#end(): Generator<Uint8Array, void> {
    yield* this.#put(encodeTarEnd());
    if (this.#used > 0) yield this.#chunk.subarray(0, this.#used);
  }

  /** Packs one entry; returns undefined when it vanished or does not belong in an archive. */
  async *#packEntry(
    parent: Fd,
    name: string,
    path: string,
  ): AsyncGenerator<Uint8Array, Stat["kind"] | undefined> {
    try {
      using file = new OwnedFd(call("openat", parent, pathArgument(name), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      const stat = statFd(file.fd);
      if (stat.kind === "socket") return undefined;
      if (stat.mountId !== this.#mountId && !this.#isCrossed(file.fd)) {
        yield* this.#put(encodeTarMember(coveredEntry(stat, path)));
        return undefined;
      }
      const whiteout = this.#whiteoutOf(stat, name);
      if (whiteout === "nothing") return undefined;
      if (whiteout !== undefined) {
        const slash = path.length - name.length;
        yield* this.#put(encodeTarMember({ path: `${path.slice(0, slash)}${whiteout}`, type: "file" }));
        return undefined;
      }
      const selection = this.#select(path, stat.kind);
      if (selection === "skip") return undefined;
      if (selection === "enter") {
        // Those of other directories have nothing that was taken.
        for (const each of this.#entered.filter((one) => !path.startsWith(`${one.path}/`))) {
          each.place[Symbol.dispose]();
        }
        this.#entered = this.#entered.filter((one) => path.startsWith(`${one.path}/`));
        this.#entered.push({ path, place: new OwnedFd(file.move()) });
        return stat.kind;
      }
      if (this.#entered.length > 0) yield* this.#putEntered(path);
      yield* this.#packMember(file.fd, stat, path);
      return stat.kind;
    } catch (thrown) {
      if (isErrno(thrown, "ENOENT")) return undefined;
      throw within(`cannot archive ${JSON.stringify(path)}`, thrown);
    }
  }

  async *#packMember(place: Fd, stat: Stat, path: string): AsyncGenerator<Uint8Array, void> {
    const { idMaps, times } = this.#rules;
    const asFound = memberOf(stat, path, times);
    const ownMember = idMaps === undefined ? asFound : withContainerOwner(asFound, idMaps);
    const member = this.#part?.rewrite?.(ownMember) ?? ownMember;
    if (stat.kind !== "directory" && stat.links > 1) {
      const key = `${stat.device}:${stat.inode}`;
      const first = this.#names.get(key);
      if (first !== undefined) {
        yield* this.#put(encodeTarMember({ ...member, type: "hardlink", linkName: first, size: 0 }));
        return;
      }
      this.#names.set(key, path);
    }
    if (stat.kind === "symlink") {
      yield* this.#put(encodeTarMember({ ...member, linkName: decodeBytes(readLinkFd(place)) }));
      return;
    }
    if (stat.kind !== "directory" && stat.kind !== "file") {
      yield* this.#put(encodeTarMember(member));
      return;
    }
    const digests = stat.kind === "file" ? this.#part?.digests : undefined;
    const known = digests?.find(stat);
    if (known !== undefined) {
      yield* this.#put(encodeTarMember(member));
      yield* this.#put(known);
      return;
    }
    // SAFETY: reopens exactly the file that was checked to be a file or directory, so no device is ever opened.
    const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    using file = new OwnedFd(call("openat", AT_FDCWD, `/proc/self/fd/${place}`, flags));
    const found = readXattrs(file.fd);
    const xattrs = idMaps === undefined ? found : withContainerAttributes(found, idMaps);
    if (digests !== undefined) {
      const digest = await this.#digestFile(file.fd, stat.size, xattrs);
      digests.keep(stat, digest);
      yield* this.#put(encodeTarMember(member));
      yield* this.#put(digest);
      return;
    }
    if (stat.kind === "file") {
      yield* this.#packFile(file.fd, stat, { ...member, xattrs });
      return;
    }
    yield* this.#put(encodeTarMember({ ...member, xattrs, path: `${path}/` }));
    if (this.#isOpaque(file.fd))
      yield* this.#put(encodeTarMember({ path: `${path}/.wh..wh..opq`, type: "file" }));
  }

  async #digestFile(file: Fd, size: number, xattrs: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
    const hash = createHash("sha256");
    const attributes = [...xattrs].map(([name, value]) => [name, Buffer.from(value).toString("base64")]);
    hash.update(JSON.stringify(attributes));
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(size, 1)));
    for (let done = 0; done < size; ) {
      const args = [file, buffer, buffer.length, done] as const;
      const read = size > LARGE_FILE_BYTES ? await callAsync("pread64", ...args) : call("pread64", ...args);
      if (read === 0) break;
      hash.update(buffer.subarray(0, read));
      done += read;
      if (this.#rules.pace.isDue()) await this.#rules.pace.rest();
    }
    return hash.digest();
  }

  /** The name of the whiteout that it is in an image's layer; "nothing": it has no place in one. */
  #whiteoutOf(stat: Stat, name: string): string | undefined {
    const { whiteouts } = this.#rules;
    if (whiteouts === "none") return undefined;
    if (whiteouts === "overlay" && name.startsWith(WHITEOUT))
      throw new Failure(
        "invalid",
        `a name that begins with "${WHITEOUT}" means a deletion in an image's layer; rename it or remove it`,
      );
    if (isWhiteout(stat)) return whiteouts === "overlay" ? `${WHITEOUT}${name}` : "nothing";
    if (!name.startsWith(WHITEOUT)) return undefined;
    return name.startsWith(AUFS_OWN) || stat.kind !== "file" ? "nothing" : name;
  }

  #isCrossed(file: Fd): boolean {
    return this.#rules.mounts === "cross" && !isKernelFilesystem(file);
  }

  #isOpaque(directory: Fd): boolean {
    const { whiteouts } = this.#rules;
    return whiteouts !== "none" && marksOf[whiteouts].isOpaque(directory);
  }

  async *#packFile(file: Fd, stat: Stat, member: TarMember): AsyncGenerator<Uint8Array, void> {
    const { size } = stat;
    const hasHoles = stat.blocks * 512 < size;
    if (hasHoles && this.#rules.sparse) {
      const fragments = findFragments(file, size);
      yield* this.#put(encodeTarMember({ ...member, sparse: fragments }));
      let stored = 0;
      for (const fragment of fragments) {
        yield* this.#putContents(file, fragment);
        stored += fragment.length;
      }
      yield* this.#put(new Uint8Array(tarPadding(stored)));
      return;
    }
    yield* this.#put(encodeTarMember(member));
    // Reserved blocks without data read as zeros, too.
    const searched = hasHoles || size > LARGE_FILE_BYTES;
    let at = 0;
    for (const fragment of searched ? iterateFragments(file, size) : [{ offset: 0, length: size }]) {
      yield* this.#putZeros(fragment.offset - at);
      yield* this.#putContents(file, fragment);
      at = fragment.offset + fragment.length;
    }
    yield* this.#putZeros(size - at + tarPadding(size));
  }

  /** Exactly as many bytes as the header promised: zeros when the file has become shorter. */
  async *#putContents(file: Fd, { offset, length }: SparseFragment): AsyncGenerator<Uint8Array, void> {
    for (let done = 0; done < length; ) {
      if (this.#used === this.#chunk.length) yield this.#flush();
      const space = this.#chunk.subarray(this.#used, this.#used + length - done);
      const args = [file, space, space.length, offset + done] as const;
      const read = length > LARGE_FILE_BYTES ? await callAsync("pread64", ...args) : call("pread64", ...args);
      done += read === 0 ? space.length : read;
      this.#used += read === 0 ? space.length : read;
      if (this.#rules.pace.isDue()) await this.#rules.pace.rest();
    }
  }

  /** The chunk has zeros wherever nothing was put. */
  async *#putZeros(length: number): AsyncGenerator<Uint8Array, void> {
    for (let left = length; left > 0; ) {
      if (this.#used === this.#chunk.length) yield this.#flush();
      const step = Math.min(left, this.#chunk.length - this.#used);
      this.#used += step;
      left -= step;
      if (this.#rules.pace.isDue()) await this.#rules.pace.rest();
    }
  }

  *#put(bytes: Uint8Array): Generator<Uint8Array, void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#used === this.#chunk.length) yield this.#flush();
      const piece = bytes.subarray(at, at + this.#chunk.length - this.#used);
      this.#chunk.set(piece, this.#used);
      this.#used += piece.length;
      at += piece.length;
    }
  }

  #flush(): Uint8Array {
    const full = this.#chunk;
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#used = 0;
    return full;
  }
}

function enter(descent: Descent, name: string): boolean {
  try {
    descent.down(name);
    return true;
  } catch (thrown) {
    // Vanished, replaced, or on another mount: its own entry is packed, nothing of what is in it.
    if (isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP", "EXDEV")) return false;
    throw thrown;
  }
}

/** In place of what is mounted there, and hides what would be archived. */
function coveredEntry({ kind }: Stat, path: string): TarMember {
  return kind === "directory"
    ? { path: `${path}/`, type: "directory", mode: 0o755 }
    : { path, type: "file", mode: 0o644 };
}

/** Last first, for pop(). */
function namesIn(directory: Fd): string[] {
  const names = listDirectory(directory).map(({ name }) => name);
  return names.sort((one, other) => (one < other ? 1 : -1));
}

function memberOf(stat: Stat, path: string, times: PackRules["times"]): TarMember {
  if (stat.kind === "socket") throw new Failure("internal", "a socket has no place in an archive");
  const { uid, gid, major, minor, permissions: mode, modified } = stat;
  return {
    path,
    type: stat.kind,
    mode,
    uid,
    gid,
    major,
    minor,
    mtime: times === "seconds" ? { seconds: modified.seconds, nanoseconds: 0 } : modified,
    size: stat.kind === "file" ? stat.size : 0,
  };
}

function readXattrs(fd: Fd): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const name of listXattrs(fd)) {
    const value = isAllowedXattr(name) ? findXattr(fd, name) : undefined;
    if (value !== undefined) xattrs.set(name, value);
  }
  return xattrs;
}
