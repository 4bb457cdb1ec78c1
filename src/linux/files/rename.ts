import type { Fd } from "../kernel/fd.ts";
import { errno } from "../kernel/errno.ts";
import { pathArgument } from "../kernel/path-argument.ts";
import { attempt, SyscallFailure } from "../kernel/syscall.ts";

// SPEC: <linux/fs.h>
const RENAME_NOREPLACE = 1;

/**
 * Moves the entry `name` (one component) of a directory into another one of the same file system. False when that
 * has an entry of this name: nothing is replaced. renameat2(2)
 */
export function tryMoveEntry(from: Fd, name: string, to: Fd): boolean {
  const text = pathArgument(name);
  const result = attempt("renameat2", from, text, to, text, RENAME_NOREPLACE);
  if (result === -errno.EEXIST) return false;
  if (result < 0) throw new SyscallFailure("renameat2", [from, name, to, name, RENAME_NOREPLACE], -result);
  return true;
}

/** Renames an entry within its directory; what had the new name, if it is a file or an empty directory, is replaced. */
export function renameEntry(directory: Fd, from: string, to: string): void {
  const result = attempt("renameat2", directory, pathArgument(from), directory, pathArgument(to), 0);
  if (result < 0) throw new SyscallFailure("renameat2", [directory, from, directory, to, 0], -result);
}
