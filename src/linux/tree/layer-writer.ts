import { Failure } from "../../base/failure.ts";
import { isAllZeros } from "../../base/zeros.ts";
import type { TarEntry } from "../../spec/tar-entry.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
} from "../constants/open.ts";
import { errno } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { pathArgument } from "../kernel/path-argument.ts";
import { findStatAt, makeDevice, statFd } from "../files/stat.ts";
import { attempt, call, callAsync, SyscallFailure } from "../kernel/syscall.ts";
import type { Whiteouts } from "./unpack-options.ts";
import { trySetXattr } from "../files/xattr.ts";
import { baseOf, cleanPath, LINK_SOURCES, type NameRules, parentOf } from "./entry-path.ts";
import { type LayerTree, openMade } from "./internal/layer-tree.ts";
import { isWhiteout } from "./internal/marks.ts";
import { applyMetadata, applyTime, applyTimeAt, applyToInode, checkOwner, DEFAULT_ACL } from "./metadata.ts";
import type { Pace } from "./pace.ts";

export interface WriterRules {
  readonly names: NameRules;
  readonly devices: "make" | "skip";
  readonly whiteouts: Whiteouts;
  readonly pace: Pace;
}

/** A write that took longer was throttled by the kernel: the next goes to the thread pool. */
const SLOW_WRITE_MS = 8;
const WRITE_BYTES = 1 << 18;
/** So many zeros in one piece become a hole. */
const HOLE_BYTES = 1 << 16;
const HIGHEST_MAJOR = 0xfff;
const HIGHEST_MINOR = 0xf_ffff;

/** Creates entries, one after the other, in a tree. One file is open at a time: begin, write …, finish. */
export class LayerWriter implements Disposable {
  readonly #tree: LayerTree;
  readonly #rules: WriterRules;
  #file: OwnedFd | undefined;
  #isSlow = false;
  /** Of the file that is open. */
  #hasHoles = false;
  /** Attributes that were not allowed, or that do not fit into the file system. */
  skippedXattrs = 0;

  constructor(tree: LayerTree, rules: WriterRules) {
    this.#tree = tree;
    this.#rules = rules;
  }

  /** `path` is clean. Files stay open for write() until finish(). */
  async begin(path: string, entry: TarEntry): Promise<void> {
    checkOwner(entry);
    if (entry.type === "directory") return await this.#makeDirectory(path, entry);
    if (path === "") throw new Failure("invalid", `the root can't be a ${entry.type}`);
    switch (entry.type) {
      case "file":
        return await this.#makeFile(path);
      case "hardlink":
        return await this.#makeHardlink(path, entry);
      case "symlink":
        return await this.#makeSymlink(path, entry);
      case "fifo":
      case "character":
      case "block":
        return await this.#makeNode(path, entry);
      case "unknown":
        throw new Failure("unsupported", `the entry type ${JSON.stringify(entry.typeFlag)} is unknown`);
      default:
        entry.type satisfies never;
    }
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    if (this.#file === undefined) return;
    const fd = this.#file.fd;
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + WRITE_BYTES);
      if (piece.length >= HOLE_BYTES && isAllZeros(piece)) {
        this.#hasHoles = true;
        at += piece.length;
      } else {
        at += await this.#writePiece(fd, piece, offset + at);
      }
      if (this.#rules.pace.isDue()) await this.#rules.pace.rest();
    }
  }

  async #writePiece(fd: Fd, piece: Uint8Array, offset: number): Promise<number> {
    const started = performance.now();
    const written = this.#isSlow
      ? await callAsync("pwrite64", fd, piece, piece.length, offset)
      : call("pwrite64", fd, piece, piece.length, offset);
    this.#isSlow = performance.now() - started > SLOW_WRITE_MS;
    return written;
  }

  /** Closes the file of the last begin(), with its metadata. */
  finish(entry: TarEntry): void {
    if (this.#file === undefined) return;
    const fd = this.#file.fd;
    // A hole at the end has no byte that was written.
    if (entry.sparse !== undefined || this.#hasHoles) call("ftruncate", fd, entry.size);
    this.skippedXattrs += applyMetadata(fd, entry);
    applyTime(fd, entry.mtime);
    this.#close();
  }

  /** Applies what must come after all entries: times and default access lists of directories. */
  finishDirectory(path: string): void {
    const late = this.#tree.late.get(path);
    const parent = path === "" ? this.#tree.directory("") : this.#tree.directories.find(parentOf(path));
    if (late === undefined || parent === undefined) return;
    const name = path === "" ? "." : baseOf(path);
    if (findStatAt(parent, name)?.kind !== "directory") return;
    if (late.defaultAcl !== undefined) {
      using directory = openMade(parent, name);
      if (!trySetXattr(directory.fd, DEFAULT_ACL, late.defaultAcl)) this.skippedXattrs += 1;
    }
    applyTimeAt(parent, name, late.mtime);
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #close(): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }

  async #makeFile(path: string): Promise<void> {
    // SAFETY: O_EXCL makes a new file or fails; it follows no link and never truncates what is there, which may
    // be a hard link to something else.
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const fd = await this.#tree.create(path, "openat", (parent, name) =>
      attempt("openat", parent, pathArgument(name), flags, 0o600),
    );
    this.#file = new OwnedFd(fd);
    this.#hasHoles = false;
  }

  async #makeDirectory(path: string, entry: TarEntry): Promise<void> {
    const fd = path === "" ? openMade(this.#tree.directory(""), ".") : await this.#openNewDirectory(path);
    try {
      this.skippedXattrs += applyMetadata(fd.fd, entry);
    } catch (thrown) {
      fd[Symbol.dispose]();
      throw thrown;
    }
    if (path === "") fd[Symbol.dispose]();
    else this.#tree.directories.keep(path, fd.move());
    this.#tree.markOwn(path);
    this.#tree.late.set(path, { mtime: entry.mtime, defaultAcl: entry.xattrs.get(DEFAULT_ACL) });
  }

  /** A directory over a directory is the same directory; over anything else it replaces it. */
  async #openNewDirectory(path: string): Promise<OwnedFd> {
    const name = baseOf(path);
    const parent = this.#tree.parent(path);
    const result = attempt("mkdirat", parent, pathArgument(name), 0o700);
    if (result >= 0) return this.#openMadeAt(path, parent);
    if (result !== -errno.EEXIST) throw new SyscallFailure("mkdirat", [parent, name, 0o700], -result);
    const stat = findStatAt(parent, name);
    if (stat?.kind === "directory") return openMade(parent, name);
    const isMark = this.#tree.marks?.isHidden(parent, name, stat) ?? false;
    await this.#tree.clear(path);
    const cleared = this.#tree.parent(path);
    call("mkdirat", cleared, pathArgument(name), 0o700);
    return this.#openMadeAt(path, cleared, { isMark });
  }

  /** A whiteout of this layer took lower layers' directory away: it must not come back as part of this one. */
  #openMadeAt(
    path: string,
    parent: Fd,
    { isMark = false }: { readonly isMark?: boolean | undefined } = {},
  ): OwnedFd {
    using made = openMade(parent, baseOf(path));
    if (this.#tree.reveal(parent, path) || isMark) this.#tree.marks?.setOpaque(made.fd);
    return new OwnedFd(made.move());
  }

  async #makeHardlink(path: string, entry: TarEntry): Promise<void> {
    const target = cleanPath(entry.linkName, this.#rules.names);
    const name = JSON.stringify(entry.linkName);
    if (target === "" || target === path) throw new Failure("corrupt", `it is a hard link to ${name}`);
    const missing = new Failure(
      "corrupt",
      `it is a hard link to ${name}, which the archive did not bring before`,
    );
    await this.#tree.create(path, "linkat", (parent, base) => {
      // The parent's descriptor may be closed by looking up another directory: keep a second one.
      using held = new OwnedFd(call("openat", parent, ".", O_PATH | O_CLOEXEC));
      const from = this.#tree.directories.find(parentOf(target));
      const stat = from === undefined ? undefined : findStatAt(from, baseOf(target));
      if (from === undefined || stat === undefined || isWhiteout(stat)) throw missing;
      if (stat.kind === "directory")
        throw new Failure("corrupt", `it is a hard link to the directory ${name}`);
      // SAFETY: without AT_SYMLINK_FOLLOW a link is linked, not what it points to.
      return attempt("linkat", from, pathArgument(baseOf(target)), held.fd, pathArgument(base), 0);
    });
    // A link source has the metadata, as with Docker.
    if (parentOf(target) === LINK_SOURCES) return;
    this.skippedXattrs += applyToInode(this.#tree.parent(path), baseOf(path), entry);
  }

  async #makeSymlink(path: string, entry: TarEntry): Promise<void> {
    const target = pathArgument(entry.linkName);
    await this.#tree.create(path, "symlinkat", (parent, name) =>
      attempt("symlinkat", target, parent, pathArgument(name)),
    );
    const parent = this.#tree.parent(path);
    const name = pathArgument(baseOf(path));
    call("fchownat", parent, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW);
    applyTimeAt(parent, baseOf(path), entry.mtime);
    this.skippedXattrs += entry.xattrs.size;
  }

  async #makeNode(path: string, entry: TarEntry): Promise<void> {
    const isDevice = entry.type !== "fifo";
    if (isDevice && this.#rules.devices === "skip") return;
    if (isDevice) checkDevice(entry);
    const type = entry.type === "fifo" ? S_IFIFO : entry.type === "block" ? S_IFBLK : S_IFCHR;
    const device = isDevice ? makeDevice(entry.major, entry.minor) : 0;
    await this.#tree.create(path, "mknodat", (parent, name) =>
      attempt("mknodat", parent, pathArgument(name), type | 0o600, device),
    );
    this.#finishNode(this.#tree.parent(path), baseOf(path), entry);
  }

  /** Opening a device does things, so owner and mode go through an O_PATH descriptor. */
  #finishNode(parent: Fd, name: string, entry: TarEntry): void {
    using node = new OwnedFd(call("openat", parent, pathArgument(name), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (statFd(node.fd).kind !== entry.type)
      throw new Failure("conflict", "it was replaced while it was made");
    call("fchownat", node.fd, "", entry.uid, entry.gid, AT_EMPTY_PATH);
    // KERNEL(6.6): fchmodat2(2) takes an empty path.
    call("fchmodat", AT_FDCWD, `/proc/self/fd/${node.fd}`, entry.mode);
    applyTimeAt(parent, name, entry.mtime);
    this.skippedXattrs += entry.xattrs.size;
  }
}

export function checkDevice({ type, major, minor }: TarEntry): void {
  if (!(major >= 0 && major <= HIGHEST_MAJOR && minor >= 0 && minor <= HIGHEST_MINOR)) {
    throw new Failure("invalid", `the device number ${major}:${minor} is out of range`);
  }
  // SAFETY: overlay takes this very device for a whiteout; only ".wh." entries may make those.
  if (type === "character" && major === 0 && minor === 0) {
    throw new Failure("invalid", "a character device 0:0 would be a whiteout");
  }
}
