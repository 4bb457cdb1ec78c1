import { O_DIRECTORY, O_NOFOLLOW, O_PATH, RESOLVE_NO_SYMLINKS } from "../../linux/constants/open.ts";
import type { Fd } from "../../linux/fd.ts";
import { openBeneath } from "../../linux/open.ts";
import { findStatAt } from "../../linux/stat.ts";
import { isErrno } from "../../linux/syscall.ts";
import type { TreeChange } from "../../linux/tree-change.ts";

/** Length of the files and links that were made or changed; one with several names counts once. */
export function changedBytes(root: Fd, changes: readonly TreeChange[]): number {
  const counted = new Set<bigint>();
  let bytes = 0;
  for (const { path, kind } of changes) {
    const stat = kind === "deleted" ? undefined : findStat(root, path);
    if (stat === undefined || (stat.kind !== "file" && stat.kind !== "symlink") || counted.has(stat.inode))
      continue;
    if (stat.links > 1) counted.add(stat.inode);
    bytes += stat.size;
  }
  return bytes;
}

/** Undefined for what has vanished meanwhile, and what lies deeper than a path can say. */
function findStat(root: Fd, path: string): ReturnType<typeof findStatAt> {
  const slash = path.lastIndexOf("/");
  try {
    const parent = path.slice(1, Math.max(slash, 1));
    using directory = openBeneath(root, parent, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
    return findStatAt(directory.fd, path.slice(slash + 1));
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG")) return undefined;
    throw thrown;
  }
}
