import type { Fd } from "../kernel/fd.ts";
import { attempt } from "../kernel/syscall.ts";

// SPEC: linux/fs.h, _IOR('f', 1, long), _IOW('f', 2, long)
const FS_IOC_GETFLAGS = 0x8008_6601;
const FS_IOC_SETFLAGS = 0x4008_6602;
const FS_TOPDIR_FL = 0x2_0000;

/**
 * Marks the directories in this one as unrelated for the file system: chattr(1), `+T`. Idempotent; does nothing on a
 * file system without this hint. KERNEL: ext2 to ext4 then place each in a block group of its own, where they would
 * otherwise share one. Without a journal ext4 skips every inode of a group that was deleted in the last minutes, one by
 * one for each new file: a hundred times the cost of the file.
 */
export function spreadDirectories(directory: Fd): void {
  const flags = new Int32Array(2);
  const bytes = new Uint8Array(flags.buffer);
  if (attempt("ioctl", directory, FS_IOC_GETFLAGS, bytes) < 0) return;
  const wanted = (flags[0] ?? 0) | FS_TOPDIR_FL;
  if (wanted === flags[0]) return;
  flags[0] = wanted;
  attempt("ioctl", directory, FS_IOC_SETFLAGS, bytes);
}
