import { randomUUID } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_NO_SYMLINKS,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../linux/constants/open.ts";
import { openBeneath } from "../../linux/files/open.ts";
import { findStatAt, makeDevice } from "../../linux/files/stat.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { pathArgument } from "../../linux/kernel/path-argument.ts";
import { call } from "../../linux/kernel/syscall.ts";
import { checkDevice } from "../../linux/tree/layer-writer.ts";
import {
  applyMetadata,
  applyTime,
  applyTimeAt,
  applyToInode,
  checkOwner,
} from "../../linux/tree/metadata.ts";
import type { ContextReceiver, TreeEntry } from "../../model/builds.ts";
import type { TarEntry, TarType } from "../../spec/tar-entry.ts";
import { compareWalk, type IndexedEntry, indexedOf, IndexWriter, readIndex } from "./context-index.ts";

/** Bounds of one context. */
export interface ContextLimits {
  readonly entries: number;
  readonly depth: number;
  /** Files whose content is awaited. */
  readonly pendingBytes: number;
  /** A file may grow so much while it is sent. */
  readonly growthBytes: number;
}

export const usualContextLimits: ContextLimits = {
  entries: 1_000_000,
  depth: 256,
  pendingBytes: 128 * 1024 * 1024,
  growthBytes: 64 * 1024 * 1024,
};

/** Where a context is on the disk. */
export interface ContextPlace {
  /** The tree. */
  readonly files: string;
  /** Of the tree, while that is complete; its absence means that the tree is empty. */
  readonly index: string;
  /** A directory for what is removed later, on the same file system. */
  readonly trash: string;
}

const mostOpenFiles = 64;

interface OpenDirectory {
  readonly path: string;
  readonly fd: OwnedFd;
  readonly entry: TreeEntry | undefined;
  isTouched: boolean;
}

interface PendingFile {
  readonly entry: TreeEntry;
  file: OwnedFd | undefined;
  receivedBytes: number;
}

/** One transfer into a kept directory: the old index and the new walk are read side by side. */
export class FileReceiver implements ContextReceiver {
  readonly #place: ContextPlace;
  readonly #limits: ContextLimits;
  readonly #release: (options: { readonly isComplete: boolean }) => Promise<void>;
  readonly #root: OwnedFd;
  readonly #trash: OwnedFd;
  readonly #old: Generator<IndexedEntry, void, undefined>;
  #nextOld: IndexedEntry | undefined;
  readonly #index: IndexWriter;
  readonly #open: OpenDirectory[] = [];
  readonly #pending = new Map<string, PendingFile>();
  #pendingBytes = 0;
  #entries = 0;
  #latest: string | undefined;
  #availableBytes: number;
  #trashCount = 0;
  /** A file changed while it was sent: the next transfer must bring all again. */
  #hasChanged = false;
  #isComplete = false;
  #isDisposed = false;

  constructor(
    place: ContextPlace,
    {
      isKept,
      limits,
      availableBytes,
      release,
    }: {
      readonly isKept: boolean;
      readonly limits: ContextLimits;
      readonly availableBytes: number;
      readonly release: (options: { readonly isComplete: boolean }) => Promise<void>;
    },
  ) {
    this.#place = place;
    this.#limits = limits;
    this.#availableBytes = availableBytes;
    this.#release = release;
    const directory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    this.#root = new OwnedFd(call("openat", AT_FDCWD, pathArgument(place.files), directory));
    this.#trash = new OwnedFd(call("openat", AT_FDCWD, pathArgument(place.trash), directory));
    // The tree is now between two states: only an index that is written at the end makes it valid again.
    const previous = `${place.index}.previous`;
    if (isKept) renameSync(place.index, previous);
    this.#old = isKept ? readIndex(previous) : readNothing();
    this.#advanceOld();
    this.#index = new IndexWriter(`${place.index}.draft`);
    this.#open.push({ path: "", fd: this.#root, entry: undefined, isTouched: false });
  }

  get path(): string {
    return this.#place.files;
  }

  put(entry: TreeEntry): boolean {
    this.#check(entry);
    const now = indexedOf(entry);
    this.#removeBefore(entry.path);
    this.#leaveTo(entry.path);
    const kind = entry.mode & S_IFMT;
    const parent = this.#top();
    const name = baseOf(entry.path);
    let old: IndexedEntry | undefined;
    if (this.#nextOld?.path === entry.path) {
      old = this.#nextOld;
      this.#advanceOld();
    }
    if (kind === S_IFSOCK) {
      if (old !== undefined) this.#discard(parent, name, old);
      return false;
    }
    this.#latest = entry.path;
    this.#index.add(now);
    const isKnown = old?.facts === now.facts && (old.isDirectory || this.#isLinked(parent, name, entry));
    if (kind === S_IFDIR) {
      if (old !== undefined && !old.isDirectory) this.#discard(parent, name, old);
      if (old?.isDirectory !== true) {
        call("mkdirat", parent.fd.fd, pathArgument(name), 0o700);
        parent.isTouched = true;
      }
      this.#enter(parent, name, { entry, isKnown });
      return false;
    }
    if (isKnown) return false;
    if (old !== undefined) this.#discard(parent, name, old);
    parent.isTouched = true;
    return this.#create(parent, name, { entry, kind });
  }

  write(path: string, bytes: Uint8Array): void {
    const pending = this.#pending.get(path);
    if (pending === undefined)
      throw new Failure("invalid", `cannot receive ${quoted(path)}: it was not asked for`);
    pending.receivedBytes += bytes.length;
    const { sizeBytes } = pending.entry;
    if (pending.receivedBytes > sizeBytes + this.#limits.growthBytes)
      throw new Failure(
        "exhausted",
        `cannot receive ${quoted(path)}: it is longer than the ${sizeBytes} bytes that it had`,
      );
    pending.file ??= this.#reopen(path);
    for (let at = 0; at < bytes.length; ) {
      const rest = bytes.subarray(at);
      at += call("write", pending.file.fd, rest, rest.length);
    }
  }

  end(path: string): void {
    const pending = this.#pending.get(path);
    if (pending === undefined)
      throw new Failure("invalid", `cannot receive ${quoted(path)}: it was not asked for`);
    using file = pending.file ?? this.#reopen(path);
    this.#pending.delete(path);
    this.#pendingBytes -= path.length;
    const entry = tarEntryOf(pending.entry, "file");
    applyMetadata(file.fd, entry);
    applyTime(file.fd, entry.mtime);
    if (pending.receivedBytes !== pending.entry.sizeBytes) this.#hasChanged = true;
  }

  async finish(): Promise<void> {
    if (this.#pending.size > 0)
      throw new Failure(
        "invalid",
        `cannot receive the build context: the content of ${this.#pending.size} files is missing`,
      );
    this.#removeBefore(undefined);
    while (this.#open.length > 0) this.#leave();
    this.#index.flush();
    if (!this.#hasChanged) renameSync(`${this.#place.index}.draft`, this.#place.index);
    this.#isComplete = !this.#hasChanged;
    await Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    for (const { file } of this.#pending.values()) file?.[Symbol.dispose]();
    for (const { fd } of this.#open) fd[Symbol.dispose]();
    this.#root[Symbol.dispose]();
    this.#trash[Symbol.dispose]();
    this.#index[Symbol.dispose]();
    this.#old.return();
    for (const suffix of [".draft", ".previous"]) rmSync(`${this.#place.index}${suffix}`, { force: true });
    await this.#release({ isComplete: this.#isComplete });
  }

  /** SAFETY: the client may be hostile: each component is a plain name, and the order is that of a walk. */
  #check(entry: TreeEntry): void {
    const { path } = entry;
    const components = path.split("/");
    const isPlain = components.every(
      (name) => name !== "" && name !== "." && name !== ".." && name.length <= 255,
    );
    if (!isPlain || path.includes("\0"))
      throw new Failure("invalid", `cannot receive ${quoted(path)}: this is no path inside a build context`);
    if (components.length > this.#limits.depth)
      throw new Failure(
        "invalid",
        `cannot receive ${quoted(path)}: it is more than ${this.#limits.depth} directories deep`,
      );
    if (this.#latest !== undefined && compareWalk(this.#latest, path) >= 0)
      throw new Failure("invalid", `cannot receive ${quoted(path)}: it comes after ${quoted(this.#latest)}`);
    this.#entries++;
    if (this.#entries > this.#limits.entries)
      throw new Failure(
        "exhausted",
        `cannot receive the build context: it has more than ${this.#limits.entries} files`,
      );
    checkOwner(entry);
  }

  /** Removes what is not in the new walk, as far as it comes before the path; undefined: all. */
  #removeBefore(path: string | undefined): void {
    for (;;) {
      const old = this.#nextOld;
      if (old === undefined || (path !== undefined && compareWalk(old.path, path) >= 0)) return;
      this.#advanceOld();
      this.#leaveTo(old.path);
      this.#discard(this.#top(), baseOf(old.path), old);
    }
  }

  #advanceOld(): void {
    const { value } = this.#old.next();
    this.#nextOld = value ?? undefined;
  }

  /** Away from the tree; a directory with all that is in it. */
  #discard(parent: OpenDirectory, name: string, old: IndexedEntry): void {
    parent.isTouched = true;
    if (!old.isDirectory) {
      call("unlinkat", parent.fd.fd, pathArgument(name), 0);
      return;
    }
    const into = `${randomUUID()}-${this.#trashCount++}`;
    call("renameat2", parent.fd.fd, pathArgument(name), this.#trash.fd, pathArgument(into), 0);
    const prefix = `${old.path}/`;
    while (this.#nextOld?.path.startsWith(prefix) === true) this.#advanceOld();
  }

  /** Leaves directories until the top one is the parent of the path, which has to be among the open ones. */
  #leaveTo(path: string): void {
    const parent = parentOf(path);
    while (this.#open.length > 1) {
      const { path: top } = this.#top();
      if (top === parent || (parent.startsWith(top) && parent[top.length] === "/")) break;
      this.#leave();
    }
    if (this.#top().path !== parent)
      throw new Failure("invalid", `cannot receive ${quoted(path)}: its directory did not come before it`);
  }

  #leave(): void {
    const left = this.#open.pop();
    if (left === undefined) return;
    const { fd, entry, isTouched } = left;
    if (entry !== undefined && isTouched) applyTime(fd.fd, timeOf(entry));
    fd[Symbol.dispose]();
  }

  #enter(
    parent: OpenDirectory,
    name: string,
    { entry, isKnown }: { readonly entry: TreeEntry; readonly isKnown: boolean },
  ): void {
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const fd = new OwnedFd(call("openat", parent.fd.fd, pathArgument(name), flags));
    this.#open.push({ path: entry.path, fd, entry, isTouched: !isKnown });
    if (!isKnown) applyMetadata(fd.fd, tarEntryOf(entry, "directory"));
  }

  #create(
    parent: OpenDirectory,
    name: string,
    { entry, kind }: { readonly entry: TreeEntry; readonly kind: number },
  ): boolean {
    const at = parent.fd.fd;
    const text = pathArgument(name);
    switch (kind) {
      case S_IFREG:
        return entry.target === undefined
          ? this.#createFile(at, text, entry)
          : this.#link(parent, name, entry);
      case S_IFLNK: {
        const target = entry.target ?? "";
        if (target === "" || target.includes("\0"))
          throw new Failure("invalid", `cannot receive ${quoted(entry.path)}: its target is none`);
        call("symlinkat", pathArgument(target), at, text);
        call("fchownat", at, text, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW);
        applyTimeAt(at, name, timeOf(entry));
        return false;
      }
      case S_IFIFO:
      case S_IFCHR:
      case S_IFBLK: {
        const type: TarType = kind === S_IFIFO ? "fifo" : kind === S_IFCHR ? "character" : "block";
        const node = tarEntryOf(entry, type);
        if (type !== "fifo") checkDevice(node);
        call("mknodat", at, text, kind | 0o600, type === "fifo" ? 0 : makeDevice(node.major, node.minor));
        applyToInode(at, name, node);
        return false;
      }
      default:
        throw new Failure("invalid", `cannot receive ${quoted(entry.path)}: its type is unknown`);
    }
  }

  #createFile(at: Fd, text: Uint8Array | string, entry: TreeEntry): boolean {
    this.#availableBytes -= entry.sizeBytes;
    if (this.#availableBytes < 0)
      throw new Failure(
        "exhausted",
        "cannot receive the build context: it is larger than the free space of the data root",
      );
    this.#pendingBytes += entry.path.length;
    if (this.#pendingBytes > this.#limits.pendingBytes)
      throw new Failure(
        "exhausted",
        "cannot receive the build context: too many files wait for their content",
      );
    // SAFETY: a new file or none: no link is followed, nothing is truncated.
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const made = new OwnedFd(call("openat", at, text, flags, 0o600));
    // The first ones stay open: their content comes soon.
    const staysOpen = this.#pending.size < mostOpenFiles;
    if (!staysOpen) made[Symbol.dispose]();
    this.#pending.set(entry.path, { entry, file: staysOpen ? made : undefined, receivedBytes: 0 });
    return true;
  }

  /** A second name of a file that came before. */
  #link(parent: OpenDirectory, name: string, entry: TreeEntry): boolean {
    const target = entry.target ?? "";
    const missing = (): Failure =>
      new Failure(
        "invalid",
        `cannot receive ${quoted(entry.path)}: it is a link to ${quoted(target)}, which did not come before`,
      );
    if (!isPlainPath(target) || compareWalk(target, entry.path) >= 0) throw missing();
    using directory = this.#openParent(target, missing);
    if (findStatAt(directory.fd, baseOf(target))?.kind !== "file") throw missing();
    // SAFETY: without AT_SYMLINK_FOLLOW a link is linked, not what it points to.
    call("linkat", directory.fd, pathArgument(baseOf(target)), parent.fd.fd, pathArgument(name), 0);
    return false;
  }

  /** Whether a name that is another one's still is. */
  #isLinked(parent: OpenDirectory, name: string, entry: TreeEntry): boolean {
    if ((entry.mode & S_IFMT) !== S_IFREG || entry.target === undefined) return true;
    if (!isPlainPath(entry.target)) return false;
    using directory = this.#openParent(entry.target, () => new Failure("invalid", "no directory"));
    const target = findStatAt(directory.fd, baseOf(entry.target));
    return target !== undefined && target.inode === findStatAt(parent.fd.fd, name)?.inode;
  }

  #openParent(path: string, missing: () => Failure): OwnedFd {
    try {
      return openBeneath(
        this.#root.fd,
        parentOf(path),
        O_PATH | O_DIRECTORY | O_CLOEXEC,
        0,
        RESOLVE_NO_SYMLINKS,
      );
    } catch {
      throw missing();
    }
  }

  #reopen(path: string): OwnedFd {
    return openBeneath(this.#root.fd, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS);
  }

  #top(): OpenDirectory {
    const top = this.#open.at(-1);
    if (top === undefined)
      throw new Failure("invalid", "cannot receive a file: the build context is complete");
    return top;
  }
}

function* readNothing(): Generator<IndexedEntry, void, undefined> {}

function tarEntryOf(entry: TreeEntry, type: TarType): TarEntry {
  return {
    path: entry.path,
    type,
    typeFlag: "",
    mode: entry.mode & 0o7777,
    uid: entry.uid,
    gid: entry.gid,
    userName: "",
    groupName: "",
    size: entry.sizeBytes,
    mtime: timeOf(entry),
    linkName: entry.target ?? "",
    major: entry.device?.major ?? 0,
    minor: entry.device?.minor ?? 0,
    xattrs: entry.xattrs,
    sparse: undefined,
  };
}

const second = 1_000_000_000n;

function timeOf({ modifiedNs }: TreeEntry): TarEntry["mtime"] {
  const nanoseconds = ((modifiedNs % second) + second) % second;
  return { seconds: Number((modifiedNs - nanoseconds) / second), nanoseconds: Number(nanoseconds) };
}

function isPlainPath(path: string): boolean {
  return (
    path.split("/").every((name) => name !== "" && name !== "." && name !== "..") && !path.includes("\0")
  );
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function quoted(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}
