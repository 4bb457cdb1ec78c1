import type { SeccompCondition } from "../../../spec/seccomp.ts";
import type { CapabilityName } from "../../process/capability.ts";

/** A call that the kernel certainly refuses to a process without the capability. */
export interface CapabilityNeed {
  readonly name: string;
  readonly capability: CapabilityName;
  /** It does so when all of these hold. */
  readonly conditions: readonly SeccompCondition[];
}

function masked(index: number, mask: bigint, value: bigint): SeccompCondition {
  return { index, op: "MASKED_EQ", value: mask, valueTwo: value };
}

function notZero(index: number): SeccompCondition {
  return { index, op: "NE", value: 0n, valueTwo: 0n };
}

function needs(
  capability: CapabilityName,
  names: string,
  conditions: readonly SeccompCondition[] = [],
): readonly CapabilityNeed[] {
  return names.split(" ").map((name) => ({ name, capability, conditions }));
}

const int = 0xffff_ffffn;
const S_IFMT = 0o170000n;
const S_IFCHR = 0o020000n;
const S_IFBLK = 0o060000n;
const AF_INET = 2n;
const AF_INET6 = 10n;
const AF_PACKET = 17n;
/** Without SOCK_CLOEXEC and SOCK_NONBLOCK. */
const socketType = 0xfn;
const SOCK_RAW = 3n;

/**
 * The numbers in a call reveal only part of it: a clock change by adjtimex or a low port is in memory. Source:
 * capabilities(7). KERNEL(5.8): a character device 0:0 (a whiteout) needs no right.
 */
export const capabilityNeeds: readonly CapabilityNeed[] = [
  ...needs("CAP_SYS_CHROOT", "chroot"),
  ...needs("CAP_SYS_BOOT", "reboot kexec_load kexec_file_load"),
  ...needs("CAP_SYS_PACCT", "acct"),
  ...needs("CAP_SYS_MODULE", "init_module finit_module delete_module"),
  ...needs("CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
  ...needs("CAP_SYS_TTY_CONFIG", "vhangup"),
  ...needs("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
  ...needs(
    "CAP_SYS_ADMIN",
    "mount umount umount2 fsopen move_mount mount_setattr pivot_root setns sethostname setdomainname swapon swapoff",
  ),
  ...needs("CAP_SYS_RAWIO", "iopl", [notZero(0)]),
  ...needs("CAP_SYS_RAWIO", "ioperm", [notZero(2)]),
  ...needs("CAP_MKNOD", "mknod", [masked(1, S_IFMT, S_IFBLK)]),
  ...needs("CAP_MKNOD", "mknod", [masked(1, S_IFMT, S_IFCHR), notZero(2)]),
  ...needs("CAP_MKNOD", "mknodat", [masked(2, S_IFMT, S_IFBLK)]),
  ...needs("CAP_MKNOD", "mknodat", [masked(2, S_IFMT, S_IFCHR), notZero(3)]),
  ...needs("CAP_NET_RAW", "socket", [masked(0, int, AF_PACKET)]),
  ...needs("CAP_NET_RAW", "socket", [masked(0, int, AF_INET), masked(1, socketType, SOCK_RAW)]),
  ...needs("CAP_NET_RAW", "socket", [masked(0, int, AF_INET6), masked(1, socketType, SOCK_RAW)]),
];
