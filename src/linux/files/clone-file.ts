import type { Fd } from "../kernel/fd.ts";
import { attempt } from "../kernel/syscall.ts";

/** ioctl_ficlone(2). SPEC: linux/fs.h, _IOW(0x94, 9, int) */
export const FICLONE = 0x4004_9409;

/** Lets the empty file `to` share the blocks of `from`; false where the file system cannot. */
export function tryClone(from: Fd, to: Fd): boolean {
  return attempt("ioctl", to, FICLONE, from) >= 0;
}
