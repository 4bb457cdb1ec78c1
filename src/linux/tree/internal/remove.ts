import { required } from "../../../base/required.ts";
import { within } from "../../../base/failure.ts";
import {
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../constants/open.ts";
import { readEntries, rewindDirectory } from "../../files/directory.ts";
import { errno } from "../../kernel/errno.ts";
import type { Fd } from "../../kernel/fd.ts";
import { openBeneath } from "../../files/open.ts";
import { pathArgument } from "../../kernel/path-argument.ts";
import { findStatAt } from "../../files/stat.ts";
import { attempt, callAsync, isErrno, SyscallFailure } from "../../kernel/syscall.ts";
import { Descent } from "./descent.ts";
import type { Pace } from "../pace.ts";

/** Freeing a file's blocks takes time: from this size on (units of 512 bytes) it is done on the thread pool. */
const LARGE_BLOCKS = (32 << 20) / 512;
/** A directory that others keep filling is given up after so many attempts. */
const REFILLS_TOLERATED = 16;

export async function removeEntry(parent: Fd, name: string, pace: Pace): Promise<void> {
  try {
    if (await removeLeaf(parent, name, "unknown")) return;
    await removeDirectory(parent, name, pace);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return;
    throw within(`cannot remove ${JSON.stringify(name)}`, thrown);
  }
}

/** False when it is a directory. */
async function removeLeaf(directory: Fd, name: string, kind: string): Promise<boolean> {
  if (kind === "file" || kind === "unknown") {
    const stat = findStatAt(directory, name);
    if (stat === undefined) return true;
    if (stat.kind === "directory") return false;
    if (stat.blocks > LARGE_BLOCKS && stat.links === 1) {
      await callAsync("unlinkat", directory, pathArgument(name), 0);
      return true;
    }
  }
  return unlinkLeaf(directory, name);
}

function unlinkLeaf(directory: Fd, name: string): boolean {
  const result = attempt("unlinkat", directory, pathArgument(name), 0);
  if (result === -errno.EISDIR) return false;
  if (result < 0 && result !== -errno.ENOENT)
    throw new SyscallFailure("unlinkat", [directory, name, 0], -result);
  return true;
}

interface Pending {
  /** Name in the directory above. */
  readonly name: string;
  /** Directories found in it that are yet to be removed. */
  directories: string[];
  /** How often a directory in it was not empty after all. */
  refills: number;
}

async function removeDirectory(parent: Fd, name: string, pace: Pace): Promise<void> {
  // SAFETY: stays on this mount: a file system left mounted below is an error (EXDEV), never emptied.
  const resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  const top = openBeneath(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, resolve);
  using descent = new Descent(top.move());
  const stack: Pending[] = [{ name, directories: [], refills: 0 }];
  for (;;) {
    const here = required(stack.at(-1));
    const next = here.directories.pop();
    if (next !== undefined) {
      if (!enter(descent, next)) continue;
      stack.push({ name: next, directories: [], refills: 0 });
      continue;
    }
    if (await emptyBatch(descent.fd, here, pace)) continue;
    if (stack.length === 1) break;
    stack.pop();
    descent.up();
    removeEmptied(descent.fd, here, required(stack.at(-1)));
  }
  const result = attempt("unlinkat", parent, pathArgument(name), AT_REMOVEDIR);
  if (result < 0) throw new SyscallFailure("unlinkat", [parent, name, AT_REMOVEDIR], -result);
}

/** False when it has vanished. */
function enter(descent: Descent, name: string): boolean {
  try {
    descent.down(name);
    return true;
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return false;
    throw thrown;
  }
}

/** Removes what is no directory, notes what is; false when nothing is left. */
async function emptyBatch(directory: Fd, here: Pending, pace: Pace): Promise<boolean> {
  rewindDirectory(directory);
  let found = false;
  for (let entries = readEntries(directory); entries.length > 0; entries = readEntries(directory)) {
    found = true;
    for (const { name, kind } of entries) {
      if (kind === "directory" || !(await removeLeaf(directory, name, kind))) here.directories.push(name);
      if (pace.isDue()) await pace.rest();
    }
  }
  return found;
}

function removeEmptied(directory: Fd, emptied: Pending, above: Pending): void {
  const result = attempt("unlinkat", directory, pathArgument(emptied.name), AT_REMOVEDIR);
  if (result >= 0 || result === -errno.ENOENT) return;
  above.refills += 1;
  if (result !== -errno.ENOTEMPTY || above.refills > REFILLS_TOLERATED) {
    throw new SyscallFailure("unlinkat", [directory, emptied.name, AT_REMOVEDIR], -result);
  }
}
