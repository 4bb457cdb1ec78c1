import type { SparseFragment } from "../../spec/tar-entry.ts";
import { errno } from "../errno.ts";
import type { Fd } from "../fd.ts";
import { attempt, SyscallFailure } from "../syscall.ts";

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** Where a file has data, within its first `size` bytes. lseek(2), SEEK_DATA. Moves the file's offset. */
export function findFragments(file: Fd, size: number): SparseFragment[] {
  const fragments: SparseFragment[] = [];
  for (let at = 0; at < size; ) {
    const data = attempt("lseek", file, at, SEEK_DATA);
    if (data === -errno.ENXIO || data >= size) break;
    const hole = data < 0 ? data : attempt("lseek", file, data, SEEK_HOLE);
    if (hole < 0) throw new SyscallFailure("lseek", [file, at, SEEK_HOLE], -hole);
    const end = Math.min(hole, size);
    fragments.push({ offset: data, length: end - data });
    at = end;
  }
  return fragments;
}
