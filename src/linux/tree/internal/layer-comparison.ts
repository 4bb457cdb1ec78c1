import { required } from "../../../base/required.ts";
import { Failure } from "../../../base/failure.ts";
import { decodeBytes } from "../../../spec/byte-text.ts";
import type { TarEntry } from "../../../spec/tar-entry.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
} from "../../constants/open.ts";
import { errno } from "../../kernel/errno.ts";
import { type Fd, OwnedFd } from "../../kernel/fd.ts";
import { openInRoot, readLinkFd } from "../../files/open.ts";
import { isSameFile, type Stat, statFd } from "../../files/stat.ts";
import { attempt, call, isErrno } from "../../kernel/syscall.ts";
import { cleanPath, parentOf, parseTarget } from "../entry-path.ts";
import { isAllowedXattr } from "../metadata.ts";
import { pathArgument } from "../../kernel/path-argument.ts";

const ACCESS_ACL = "system.posix_acl_access";
const CAPABILITY = "security.capability";
const longestXattr = 65_536;

/**
 * Compares the tree of one layer with the entries of its tar: kinds, owners, modes, times, attributes, targets of
 * links, devices, but not contents. What other entries of the same tar have replaced or taken away is not looked for,
 * nor is what is in the tree besides.
 */
export class LayerComparison {
  readonly #root: Fd;
  readonly #entries = new Map<string, TarEntry>();
  /** Each file by all of its names, with its last entry. */
  readonly #files = new Map<string, { entry: TarEntry }>();

  constructor(root: Fd) {
    this.#root = root;
  }

  /** The next entry of the tar. */
  add(entry: TarEntry): void {
    const target = parseTarget(entry.path, "docker");
    // Deletions are about other layers.
    if (target.kind !== "member") return;
    this.#entries.set(target.path, entry);
    if (entry.type !== "hardlink") {
      this.#files.set(target.path, { entry });
      return;
    }
    const file = this.#files.get(cleanPath(entry.linkName, "docker"));
    if (file === undefined) this.#files.delete(target.path);
    else {
      this.#files.set(target.path, file);
      file.entry = withLink(file.entry, entry);
    }
  }

  /** All entries were added. Throws "corrupt" naming the first file that differs from its entry. */
  compare(): void {
    for (const [path, entry] of this.#entries) {
      const difference = this.#isBelow(path, "other") ? undefined : this.#differenceOf(path, entry);
      if (difference === undefined) continue;
      throw new Failure(
        "corrupt",
        `cannot verify it: ${JSON.stringify(path === "" ? "/" : path)} ${difference}`,
      );
    }
  }

  /** The tar has a link, or something else that is no directory, above the path: it may have come there later. */
  #isBelow(path: string, what: "symlink" | "other"): boolean {
    for (let above = path; above !== ""; ) {
      above = parentOf(above);
      const type = this.#entries.get(above)?.type ?? "directory";
      if (type !== "directory" && (type === "symlink") === (what === "symlink")) return true;
    }
    return false;
  }

  #differenceOf(path: string, entry: TarEntry): string | undefined {
    let file: OwnedFd;
    try {
      // SAFETY: resolves with the layer as the root: any process may have changed the layer.
      file = openInRoot(this.#root, path, O_PATH | O_NOFOLLOW);
    } catch (thrown) {
      if (!isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP")) throw thrown;
      return this.#isBelow(path, "symlink") ? undefined : "is missing";
    }
    using found = file;
    const stat = statFd(found.fd);
    if (entry.type === "hardlink") return this.#linkDifference(stat, entry);
    if (stat.kind !== entry.type) return `is a ${stat.kind} in place of a ${entry.type}`;
    const last = this.#files.get(path)?.entry ?? entry;
    return (
      metadataDifference(path, stat, last) ??
      (entry.type === "symlink" ? targetDifference(found.fd, last) : undefined) ??
      (entry.type === "file" || entry.type === "directory" ? xattrDifference(found.fd, last) : undefined)
    );
  }

  #linkDifference(stat: Stat, { linkName }: TarEntry): string | undefined {
    const target = cleanPath(linkName, "docker");
    // One that was replaced later is another file by now.
    if (!this.#entries.has(target)) return undefined;
    const { type } = required(this.#entries.get(target));
    if (type !== "hardlink" && stat.kind !== type) return `is a ${stat.kind} in place of a link to a ${type}`;
    try {
      using file = openInRoot(this.#root, target, O_PATH | O_NOFOLLOW);
      if (stat.links > 1 || isSameFile(stat, statFd(file.fd))) return undefined;
    } catch (thrown) {
      if (!isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP")) throw thrown;
    }
    return `is no link to ${JSON.stringify(target)} any more`;
  }
}

/** See applyToInode(). */
function withLink(file: TarEntry, { uid, gid, mode, mtime, xattrs }: TarEntry): TarEntry {
  if (file.type === "symlink") return { ...file, uid, gid };
  const kept = [...file.xattrs].filter(
    ([name]) => name !== CAPABILITY || (file.uid === uid && file.gid === gid),
  );
  return { ...file, uid, gid, mode, mtime, xattrs: new Map([...kept, ...xattrs]) };
}

function metadataDifference(path: string, stat: Stat, entry: TarEntry): string | undefined {
  if (stat.uid !== entry.uid || stat.gid !== entry.gid)
    return `belongs to ${stat.uid}:${stat.gid} in place of ${entry.uid}:${entry.gid}`;
  // With an access list the group's bits are its mask.
  const compared = entry.xattrs.has(ACCESS_ACL) ? 0o7707 : 0o7777;
  if (entry.type !== "symlink" && (stat.permissions & compared) !== (entry.mode & compared))
    return `has mode ${octal(stat.permissions)} in place of ${octal(entry.mode)}`;
  if (entry.type === "file" && stat.size !== entry.size)
    return `has ${stat.size} bytes in place of ${entry.size}`;
  const isDevice = entry.type === "character" || entry.type === "block";
  if (isDevice && (stat.major !== entry.major || stat.minor !== entry.minor))
    return `is device ${stat.major}:${stat.minor} in place of ${entry.major}:${entry.minor}`;
  const { seconds, nanoseconds } = stat.modified;
  // A driver may make a root of its own to show the layer in.
  const isEqual = seconds === entry.mtime.seconds && nanoseconds === entry.mtime.nanoseconds;
  return isEqual || path === "" ? undefined : "was modified at another time";
}

function targetDifference(link: Fd, { linkName }: TarEntry): string | undefined {
  const target = decodeBytes(readLinkFd(link));
  return target === linkName
    ? undefined
    : `points to ${JSON.stringify(target)} in place of ${JSON.stringify(linkName)}`;
}

function xattrDifference(place: Fd, { xattrs }: TarEntry): string | undefined {
  if (xattrs.size === 0) return undefined;
  // SAFETY: reopens exactly the file that was checked to be a file or directory, so no device is ever opened.
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  using file = new OwnedFd(call("openat", AT_FDCWD, `/proc/self/fd/${place}`, flags));
  for (const [name, value] of xattrs) {
    if (!isAllowedXattr(name)) continue;
    const buffer = new Uint8Array(longestXattr);
    const length = attempt("fgetxattr", file.fd, pathArgument(name), buffer, buffer.length);
    // The file system has none, so unpacking left them out.
    if (length === -errno.EOPNOTSUPP) continue;
    if (length < 0) return `lacks its attribute ${JSON.stringify(name)}`;
    if (!Buffer.from(buffer.subarray(0, length)).equals(value))
      return `has another attribute ${JSON.stringify(name)}`;
  }
  return undefined;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
