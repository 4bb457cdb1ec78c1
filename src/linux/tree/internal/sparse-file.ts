import type { SparseFragment } from "../../../spec/tar-entry.ts";
import { errno } from "../../kernel/errno.ts";
import type { Fd } from "../../kernel/fd.ts";
import { attempt, SyscallFailure } from "../../kernel/syscall.ts";

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** All of iterateFragments(). */
export function findFragments(file: Fd, size: number): SparseFragment[] {
  return [...iterateFragments(file, size)];
}

/**
 * Where a file has data, within its first `size` bytes, in order. Looks for the next fragment when it is asked for: a
 * file may have millions. lseek(2), SEEK_DATA. Moves the file's offset.
 */
export function* iterateFragments(file: Fd, size: number): Generator<SparseFragment, void> {
  for (let at = 0; at < size; ) {
    const data = attempt("lseek", file, at, SEEK_DATA);
    if (data === -errno.ENXIO || data >= size) return;
    const hole = data < 0 ? data : attempt("lseek", file, data, SEEK_HOLE);
    if (hole === -errno.ENXIO) return; // the file was truncated between the two calls
    if (hole < 0) throw new SyscallFailure("lseek", [file, at, SEEK_HOLE], -hole);
    const end = Math.min(hole, size);
    yield { offset: data, length: end - data };
    at = end;
  }
}
