import { existsSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { errno } from "../kernel/errno.ts";
import type { Fd } from "../kernel/fd.ts";
import { attempt, call, SyscallFailure } from "../kernel/syscall.ts";

// SPEC: linux/fs.h, struct fsxattr { u32 xflags, extsize, nextents, projid, cowextsize; u8 pad[8]; }
const FS_IOC_FSGETXATTR = 0x801c_581f;
const FS_IOC_FSSETXATTR = 0x401c_5820;
const FS_XFLAG_PROJINHERIT = 0x200;
const attributeBytes = 28;

// SPEC: quotactl(2), linux/quota.h: QCMD(command, type)
const PRJQUOTA = 2;
const Q_GETQUOTA: number = 0x80_0007 * 256 + PRJQUOTA;
const Q_SETQUOTA: number = 0x80_0008 * 256 + PRJQUOTA;
// struct if_dqblk: eight u64 (hard and soft limit of space in KiB, space in bytes, the same of inodes, two times), u32
// valid
const quotaBytes = 72;
const QIF_BLIMITS = 1;

/** The usage and the limit of the files in one project. `limitBytes` 0: no limit. */
export interface ProjectUse {
  readonly bytes: number;
  readonly inodes: number;
  readonly limitBytes: number;
}

/** Puts a directory into a project; all that is made in it later is in it, too. 0 is no project. */
export function setProject(directory: Fd, project: number): void {
  const attributes = new Uint8Array(attributeBytes);
  call("ioctl", directory, FS_IOC_FSGETXATTR, attributes);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, (view.getUint32(0, true) | FS_XFLAG_PROJINHERIT) >>> 0, true);
  view.setUint32(12, project, true);
  call("ioctl", directory, FS_IOC_FSSETXATTR, attributes);
}

/** The project that a directory is in; 0 for none, and where there are no projects. */
export function projectOf(directory: Fd): number {
  const attributes = new Uint8Array(attributeBytes);
  if (attempt("ioctl", directory, FS_IOC_FSGETXATTR, attributes) < 0) return 0;
  return new DataView(attributes.buffer).getUint32(12, true);
}

/** Of the file system that `fd` is on. Throws "unsupported" with what is missing where there are no project quotas. */
export function projectUse(fd: Fd, project: number): ProjectUse {
  const quota = new Uint8Array(quotaBytes);
  const result = attempt("quotactl_fd", fd, Q_GETQUOTA, project, quota);
  // XFS keeps no record of a project that was never used.
  if (result === -errno.ENOENT) return { bytes: 0, inodes: 0, limitBytes: 0 };
  if (result < 0)
    throw lacking(-result) ?? new SyscallFailure("quotactl_fd", [fd, Q_GETQUOTA, project], -result);
  const view = new DataView(quota.buffer);
  const word = (index: number): number => Number(view.getBigUint64(index * 8, true));
  return { bytes: word(2), inodes: word(5), limitBytes: word(0) * 1024 };
}

/** Limits the space of a project's files, rounded up to a KiB; 0 lifts the limit. Throws as projectUse(). */
export function limitProject(fd: Fd, project: number, limitBytes: number): void {
  const quota = new Uint8Array(quotaBytes);
  const view = new DataView(quota.buffer);
  view.setBigUint64(0, BigInt(Math.ceil(limitBytes / 1024)), true);
  view.setUint32(64, QIF_BLIMITS, true);
  const result = attempt("quotactl_fd", fd, Q_SETQUOTA, project, quota);
  if (result < 0)
    throw lacking(-result) ?? new SyscallFailure("quotactl_fd", [fd, Q_SETQUOTA, project], -result);
}

function lacking(number: number): Failure | undefined {
  const known: readonly number[] = [errno.ENOSYS, errno.ESRCH, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY];
  if (!known.includes(number)) return undefined;
  return new Failure(
    "unsupported",
    existsSync("/proc/sys/fs/quota")
      ? 'project quotas are not on: mount ext4 or xfs with the option "prjquota" (ext4: after `tune2fs -O quota,project -Q prjquota`), on a kernel that has them (CONFIG_QFMT_V2 for ext4, CONFIG_XFS_QUOTA for xfs)'
      : "this kernel has no quotas (CONFIG_QUOTA)",
  );
}
