import { errno } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { addressOf, attempt, call, SyscallFailure } from "../kernel/syscall.ts";

// <linux/bpf.h>
const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
const BPF_F_ALLOW_MULTI = 2;
const programTypes = { "cgroup-device": 15 } as const;
const attachTypes = { "cgroup-device": 6 } as const;
const ATTRIBUTE_BYTES = 128;
const MOST_TRIES = 5;

/**
 * Has a program checked and compiled: bpf(2), BPF_PROG_LOAD. It is gone when its last descriptor is closed and nothing
 * has it attached. Throws SyscallFailure: EINVAL and EACCES for what this kernel's verifier does not take, EPERM.
 */
export function loadProgram(
  type: keyof typeof programTypes,
  instructions: Uint8Array,
  { license }: { readonly license: string },
): OwnedFd {
  const found = tryLoad(type, instructions, license);
  if (found.fd >= 0) return new OwnedFd(found.fd);
  throw new SyscallFailure("bpf", [BPF_PROG_LOAD, found.attribute, ATTRIBUTE_BYTES], -found.fd);
}

/** Whether this kernel takes such a program. */
export function takesProgram(
  type: keyof typeof programTypes,
  instructions: Uint8Array,
  { license }: { readonly license: string },
): boolean {
  const { fd } = tryLoad(type, instructions, license);
  if (fd >= 0) attempt("close", fd);
  return fd >= 0;
}

function tryLoad(
  type: keyof typeof programTypes,
  instructions: Uint8Array,
  license: string,
): { readonly fd: Fd; readonly attribute: Uint8Array } {
  const licenseBytes = Buffer.from(`${license}\0`);
  const attribute = new Uint8Array(ATTRIBUTE_BYTES);
  const view = new DataView(attribute.buffer);
  view.setUint32(0, programTypes[type], true);
  view.setUint32(4, instructions.length / 8, true);
  view.setBigUint64(8, addressOf(instructions), true);
  view.setBigUint64(16, addressOf(licenseBytes), true);
  // KERNEL: the verifier stops for a signal, and wants to be asked again.
  for (let tries = 1; ; tries++) {
    const fd = attempt("bpf", BPF_PROG_LOAD, attribute, attribute.length);
    if (fd !== -errno.EAGAIN || tries === MOST_TRIES) return { fd, attribute };
  }
}

/** ConcurrentWork those that a cgroup has already: bpf(2), BPF_PROG_ATTACH. Throws SyscallFailure. */
export function attachToCgroup(cgroup: Fd, program: Fd, type: keyof typeof attachTypes): void {
  const attribute = new Uint8Array(32);
  const view = new DataView(attribute.buffer);
  view.setUint32(0, cgroup, true);
  view.setUint32(4, program, true);
  view.setUint32(8, attachTypes[type], true);
  view.setUint32(12, BPF_F_ALLOW_MULTI, true);
  call("bpf", BPF_PROG_ATTACH, attribute, attribute.length);
}
