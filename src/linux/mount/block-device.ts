import type { Fd } from "../kernel/fd.ts";
import { callAsync, isErrno } from "../kernel/syscall.ts";

// SPEC: linux/fs.h
const BLKDISCARD = 0x1277;

/** Tells a device, open for writing, that nobody wants its bytes any more. False where it can't give them back. */
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
