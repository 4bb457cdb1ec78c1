import { Failure, within } from "../../base/failure.ts";
import { decodeBytes } from "../../spec/byte-text.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, RESOLVE_NO_SYMLINKS } from "../constants/open.ts";
import { errno } from "../kernel/errno.ts";
import type { Fd, OwnedFd } from "../kernel/fd.ts";
import { openBeneath, openInRoot, readLinkAt } from "./open.ts";
import { pathArgument } from "../kernel/path-argument.ts";
import { statAt } from "./stat.ts";
import { attempt, call, isErrno, SyscallFailure } from "../kernel/syscall.ts";

/** Of the directories that are made; those that exist are left as they are. */
export interface DirectoryOwner {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** So many links to nowhere are followed by making their target (the kernel's own limit is 40). */
const LINKS_FOLLOWED = 40;

/**
 * The directory `path` below `root`, with missing components made one by one by descriptor; idempotent. Links
 * are followed inside `root`, also one that points to a directory which is yet to be made. Readable descriptor,
 * owned by the caller. Throws "invalid" when something in the way is no directory.
 */
export function ensureDirectoryInRoot(
  root: Fd,
  path: string,
  { mode, uid, gid }: DirectoryOwner = { mode: 0o755, uid: 0, gid: 0 },
): OwnedFd {
  try {
    let rest = path;
    for (let links = 0; links <= LINKS_FOLLOWED; links++) {
      const made = makeFrom(root, rest, { mode, uid, gid });
      if (typeof made !== "string") return made;
      rest = made;
    }
  } catch (thrown) {
    throw within(`cannot make the directory ${JSON.stringify(path)}`, thrown);
  }
  throw new Failure("invalid", `cannot make the directory ${JSON.stringify(path)}: too many symbolic links`);
}

/** The directory; or, when a link to nowhere stands in the way, the path with that link's target in its place. */
function makeFrom(root: Fd, path: string, owner: DirectoryOwner): OwnedFd | string {
  const components = path.split("/").filter((component) => component !== "" && component !== ".");
  const existing = openDeepest(root, components);
  let directory = existing.directory;
  for (let at = existing.depth; at < components.length; at++) {
    using parent = directory;
    const name = components[at] ?? "";
    if (name === "..") {
      throw new Failure(
        "invalid",
        `cannot go up from ${JSON.stringify(components.slice(0, at).join("/"))}: it is missing`,
      );
    }
    const made = attempt("mkdirat", parent.fd, pathArgument(name), owner.mode & 0o777);
    if (made < 0 && made !== -errno.EEXIST) throw new SyscallFailure("mkdirat", [parent.fd, name], -made);
    try {
      directory = openBeneath(parent.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
    } catch (thrown) {
      if (!isErrno(thrown, "ELOOP", "ENOTDIR")) throw thrown;
      return throughLink(parent.fd, components, at);
    }
    if (made === 0) own(directory, owner);
  }
  return directory;
}

function own(directory: OwnedFd, owner: DirectoryOwner): void {
  try {
    call("fchown", directory.fd, owner.uid, owner.gid);
    call("fchmod", directory.fd, owner.mode);
  } catch (thrown) {
    directory[Symbol.dispose]();
    throw thrown;
  }
}

function throughLink(parent: Fd, components: readonly string[], at: number): string {
  const name = components[at] ?? "";
  const kind = statAt(parent, name).kind;
  if (kind !== "symlink") throw new Failure("invalid", `${JSON.stringify(name)} is a ${kind}`);
  const target = decodeBytes(readLinkAt(parent, name));
  const before = target.startsWith("/") ? [] : components.slice(0, at);
  return [...before, target, ...components.slice(at + 1)].join("/");
}

/** The longest leading part of the path that is there, and how many components that is. */
function openDeepest(root: Fd, components: readonly string[]): { directory: OwnedFd; depth: number } {
  for (let depth = components.length; ; depth--) {
    try {
      const directory = openInRoot(root, components.slice(0, depth).join("/"), O_RDONLY | O_DIRECTORY);
      return { directory, depth };
    } catch (thrown) {
      if (depth === 0 || !isErrno(thrown, "ENOENT")) throw thrown;
    }
  }
}
