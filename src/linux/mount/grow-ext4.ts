import type { Fd } from "../kernel/fd.ts";
import { callAsync } from "../kernel/syscall.ts";

// SPEC: fs/ext4/ext4.h, _IOW('f', 16, __u64)
const EXT4_IOC_RESIZE_FS = 0x4008_6610;
/** The size of block that makeFilesystem() takes. */
const blockBytes = 4096;

/** Lets a mounted ext4 be as large as its device has become; any descriptor of a file or directory in it. */
export async function growExt4(fd: Fd, bytes: number): Promise<void> {
  const blocks = new Uint8Array(8);
  new DataView(blocks.buffer).setBigUint64(0, BigInt(Math.floor(bytes / blockBytes)), true);
  await callAsync("ioctl", fd, EXT4_IOC_RESIZE_FS, blocks);
}
