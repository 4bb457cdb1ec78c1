import { errno } from "../kernel/errno.ts";
import type { Fd } from "../kernel/fd.ts";
import { attempt, SyscallFailure } from "../kernel/syscall.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Locks the open file behind the descriptor, flock(2), without waiting; false when another process holds the lock. The
 * lock belongs to the open file description: it lasts until the last descriptor is closed, in any process.
 */
export function tryLock(fd: Fd, mode: "shared" | "exclusive"): boolean {
  const result = attempt("flock", fd, (mode === "shared" ? LOCK_SH : LOCK_EX) | LOCK_NB);
  if (result === -errno.EAGAIN) return false;
  if (result < 0) throw new SyscallFailure("flock", [fd, mode], -result);
  return true;
}
