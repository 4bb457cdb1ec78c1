import { Failure } from "../../base/failure.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
  S_IFSOCK,
} from "../../linux/constants/open.ts";
import { listDirectory } from "../../linux/files/directory.ts";
import { openInRoot, readLinkFd } from "../../linux/files/open.ts";
import { type FileKind, type Stat, statFd } from "../../linux/files/stat.ts";
import { findXattr, listXattrs } from "../../linux/files/xattr.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { pathArgument } from "../../linux/kernel/path-argument.ts";
import { call, isErrno } from "../../linux/kernel/syscall.ts";
import { isAllowedXattr } from "../../linux/tree/metadata.ts";
import { Pace } from "../../linux/tree/pace.ts";
import { packTree } from "../../linux/tree/tree.ts";
import type { BuiltTree, TreeEntry } from "../../model/builds.ts";
import { decodeBytes } from "../../spec/byte-text.ts";
import { compareNames } from "./context-index.ts";

const typeOfKind: Readonly<Record<FileKind, number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  character: S_IFCHR,
  block: S_IFBLK,
  fifo: S_IFIFO,
  socket: S_IFSOCK,
};

const pieceBytes = 256 * 1024;
const deepest = 1024;

/** Reads the tree below a directory's descriptor: the result of a build, whose content is hostile. */
export class TreeReader implements BuiltTree {
  readonly #root: OwnedFd;
  readonly #dispose: (() => Promise<void>) | undefined;

  /** Owns the descriptor; `dispose` is called after it is closed. */
  constructor(root: OwnedFd, dispose?: () => Promise<void>) {
    this.#root = root;
    this.#dispose = dispose;
  }

  async stat(path: string): Promise<TreeEntry> {
    using found = this.#find(path, { follow: false });
    return entryOf(found.fd, clean(path));
  }

  async list(path: string): Promise<readonly TreeEntry[]> {
    using found = this.#find(path, { follow: true });
    if (statFd(found.fd).kind !== "directory")
      throw new Failure("invalid", `cannot list ${JSON.stringify(path)}: it is not a directory`);
    return namesIn(found.fd).map((name) => {
      using child = openChild(found.fd, name);
      return entryOf(child.fd, name);
    });
  }

  async read(
    path: string,
    { offset = 0, limitBytes }: { readonly offset?: number | undefined; readonly limitBytes: number },
  ): Promise<Uint8Array> {
    using file = this.#openFile(path);
    const size = Math.max(0, statFd(file.fd).size - offset);
    const bytes = new Uint8Array(Math.min(size, limitBytes));
    let at = 0;
    while (at < bytes.length) {
      const rest = bytes.subarray(at);
      const length = call("pread64", file.fd, rest, rest.length, offset + at);
      if (length === 0) break;
      at += length;
    }
    return bytes.subarray(0, at);
  }

  async *open(path: string): AsyncGenerator<Uint8Array, void, undefined> {
    using file = this.#openFile(path);
    for (let at = 0; ; ) {
      const piece = new Uint8Array(pieceBytes);
      const length = call("pread64", file.fd, piece, piece.length, at);
      if (length === 0) return;
      at += length;
      yield piece.subarray(0, length);
    }
  }

  async *walk(): AsyncGenerator<TreeEntry, void, undefined> {
    const pace = new Pace(undefined);
    yield* walkBelow(this.#root.fd, "", { pace, linked: new Map(), depth: 0 });
  }

  tar(): AsyncIterable<Uint8Array> {
    return packTree(this.#root.fd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#root[Symbol.dispose]();
    await this.#dispose?.();
  }

  #find(path: string, { follow }: { readonly follow: boolean }): OwnedFd {
    try {
      return openInRoot(this.#root.fd, clean(path), O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    } catch (thrown) {
      if (isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP"))
        throw new Failure("not-found", `${path}: no such file or directory`, { cause: thrown });
      throw thrown;
    }
  }

  #openFile(path: string): OwnedFd {
    using found = this.#find(path, { follow: true });
    const { kind } = statFd(found.fd);
    if (kind !== "file")
      throw new Failure("invalid", `cannot read ${JSON.stringify(path)}: it is a ${kind}, not a file`);
    return reopen(found.fd);
  }
}

/** SAFETY: exactly the file that was looked at, which is regular: to open it neither waits nor does anything. */
function reopen(fd: Fd): OwnedFd {
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  return new OwnedFd(call("openat", AT_FDCWD, `/proc/self/fd/${fd}`, flags));
}

interface WalkState {
  readonly pace: Pace;
  /** Paths of files with several names by their inodes. */
  readonly linked: Map<string, string>;
  readonly depth: number;
}

async function* walkBelow(
  directory: Fd,
  above: string,
  { pace, linked, depth }: WalkState,
): AsyncGenerator<TreeEntry, void, undefined> {
  if (depth > deepest) throw new Failure("invalid", `cannot read ${JSON.stringify(above)}: it is too deep`);
  for (const name of namesIn(directory)) {
    if (pace.isDue()) await pace.rest();
    const path = above === "" ? name : `${above}/${name}`;
    using child = openChild(directory, name);
    const stat = statFd(child.fd);
    const entry = entryOf(child.fd, path, stat);
    const key = stat.kind === "file" && stat.links > 1 ? `${stat.device}:${stat.inode}` : undefined;
    const earlier = key === undefined ? undefined : linked.get(key);
    if (key !== undefined && earlier === undefined) linked.set(key, path);
    yield earlier === undefined ? entry : { ...entry, target: earlier };
    if (stat.kind === "directory") yield* walkBelow(child.fd, path, { pace, linked, depth: depth + 1 });
  }
}

function namesIn(directory: Fd): readonly string[] {
  return listDirectory(directory)
    .map(({ name }) => name)
    .sort(compareNames);
}

function openChild(directory: Fd, name: string): OwnedFd {
  return new OwnedFd(call("openat", directory, pathArgument(name), O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

function entryOf(fd: Fd, path: string, stat: Stat = statFd(fd)): TreeEntry {
  const isNode = stat.kind === "character" || stat.kind === "block";
  return {
    path,
    mode: typeOfKind[stat.kind] | stat.permissions,
    uid: stat.uid,
    gid: stat.gid,
    sizeBytes: stat.kind === "file" ? stat.size : 0,
    modifiedNs: BigInt(stat.modified.seconds) * 1_000_000_000n + BigInt(stat.modified.nanoseconds),
    target: stat.kind === "symlink" ? decodeBytes(readLinkFd(fd)) : undefined,
    device: isNode ? { major: stat.major, minor: stat.minor } : undefined,
    xattrs: stat.kind === "file" ? xattrsOf(fd) : new Map(),
  };
}

function xattrsOf(fd: Fd): ReadonlyMap<string, Uint8Array> {
  using file = reopen(fd);
  const found = new Map<string, Uint8Array>();
  for (const name of listXattrs(file.fd)) {
    const value = isAllowedXattr(name) ? findXattr(file.fd, name) : undefined;
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

function clean(path: string): string {
  return path.replace(/^\/+/, "").replace(/\/+$/, "");
}
