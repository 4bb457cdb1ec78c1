import { Failure } from "../../base/failure.ts";
import { decodeBytes } from "../../spec/byte-text.ts";
import { O_NOFOLLOW, O_PATH } from "../../linux/constants/open.ts";
import { openInRoot, readLinkFd } from "../../linux/files/open.ts";
import { type Stat, statFd } from "../../linux/files/stat.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { isErrno } from "../../linux/kernel/syscall.ts";

/** As the kernel: more links in one path are taken for a circle. */
const mostLinks = 40;

/** A path of a tree without links in it, and what is there. */
export interface ResolvedPath {
  /** Relative to the root, clean; "" is the root. */
  readonly path: string;
  /** The directories of it, the root left out, that exist. */
  readonly directories: readonly { readonly path: string; readonly stat: Stat }[];
  /** What is at the path; undefined: nothing. */
  readonly stat: Stat | undefined;
}

/**
 * Follows the links of an absolute path, the last component included, inside the tree: no link leads out of it. What is
 * missing is taken as directories to be made. Throws "invalid" where a file is in the way.
 */
export function resolvePath(root: Fd, path: string): ResolvedPath {
  const pending = path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .reverse();
  let done: { readonly path: string; readonly stat: Stat | undefined }[] = [];
  let links = 0;
  for (;;) {
    const name = pending.pop();
    if (name === undefined) break;
    if (name === "..") {
      done = done.slice(0, -1);
      continue;
    }
    const last = done.at(-1);
    const here = last === undefined ? name : `${last.path}/${name}`;
    if (last?.stat !== undefined && last.stat.kind !== "directory") {
      throw new Failure("invalid", `cannot copy to "/${here}": "/${last.path}" is not a directory`);
    }
    const isBelowNothing = last !== undefined && last.stat === undefined;
    const found = isBelowNothing ? undefined : look(root, here);
    if (found?.link === undefined) {
      done.push({ path: here, stat: found?.stat });
      continue;
    }
    if (++links > mostLinks) throw new Failure("invalid", `cannot use "${path}": too many symbolic links`);
    if (found.link.startsWith("/")) done = [];
    pending.push(
      ...found.link
        .split("/")
        .filter((part) => part !== "" && part !== ".")
        .reverse(),
    );
  }
  const last = done.at(-1);
  return {
    path: last?.path ?? "",
    directories: done.flatMap(({ path: each, stat }) =>
      stat?.kind === "directory" ? [{ path: each, stat }] : [],
    ),
    stat: last === undefined ? statFd(root) : last.stat,
  };
}

function look(root: Fd, path: string): { readonly stat: Stat; readonly link?: string } | undefined {
  try {
    using entry = openInRoot(root, path, O_PATH | O_NOFOLLOW);
    const stat = statFd(entry.fd);
    return stat.kind === "symlink" ? { stat, link: decodeBytes(readLinkFd(entry.fd)) } : { stat };
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) return undefined;
    throw thrown;
  }
}
