import { call } from "../../src/linux/kernel/syscall.ts";

/** _LINUX_CAPABILITY_VERSION_3, this thread. SPEC: capget(2) */
const header = Buffer.from(new Uint32Array([0x20080522, 0]).buffer);

/**
 * Runs `work`, which must not wait, without this capability in force on the calling thread: as a container's process
 * has it.
 */
export function withoutCapability<Result>(number: number, work: () => Result): Result {
  const before = Buffer.alloc(24);
  call("capget", header, before);
  const lowered = Buffer.from(before);
  const at = number < 32 ? 0 : 12;
  lowered.writeUInt32LE((lowered.readUInt32LE(at) & ~(1 << (number & 31))) >>> 0, at);
  call("capset", header, lowered);
  try {
    return work();
  } finally {
    call("capset", header, before);
  }
}
