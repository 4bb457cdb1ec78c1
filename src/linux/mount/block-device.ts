import type { Fd } from "../kernel/fd.ts";
import { callAsync, isErrno } from "../kernel/syscall.ts";

// SPEC: linux/fs.h
const BLKDISCARD = 0x1277;

/** Discards the blocks of a device that is open for writing. Returns false when the device does not support it. */
export async function discardDevice(device: Fd, bytes: number): Promise<boolean> {
  const range = new Uint8Array(16);
  new DataView(range.buffer).setBigUint64(8, BigInt(bytes), true);
  try {
    await callAsync("ioctl", device, BLKDISCARD, range);
    return true;
  } catch (thrown) {
    if (isErrno(thrown, "EOPNOTSUPP")) return false;
    throw thrown;
  }
}
