import { Failure } from "../../base/failure.ts";
import type { TarEntry } from "../../spec/tar-entry.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
} from "../constants/open.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { pathArgument } from "../kernel/path-argument.ts";
import { type FileTime, statFd } from "../files/stat.ts";
import { call } from "../kernel/syscall.ts";
import { trySetXattr } from "../files/xattr.ts";

/** −1 means "leave it" to chown(2), and ids above 2³¹ have become root by overflow elsewhere. */
const HIGHEST_ID = 2 ** 32 - 2;
export const DEFAULT_ACL = "system.posix_acl_default";

/** Throws "invalid" unless the kernel can hold the ids. */
export function checkOwner({ uid, gid }: Pick<TarEntry, "uid" | "gid">): void {
  for (const id of [uid, gid]) {
    if (!(id >= 0 && id <= HIGHEST_ID)) throw new Failure("invalid", `the owner id ${id} is out of range`);
  }
}

/**
 * The attributes that an archive may set. Never trusted.* or user.overlay.*, with which overlay would show other
 * trees, redirect directories, or reveal what is hidden; nor labels of the host's security modules.
 */
export function isAllowedXattr(name: string): boolean {
  if (name.startsWith("user."))
    return name.length > 5 && !name.startsWith("user.overlay.") && name.length <= 255;
  return name === "security.capability" || name === "system.posix_acl_access" || name === DEFAULT_ACL;
}

/** Owner, mode and attributes of an open file or directory. Gives back how many attributes were left out. */
export function applyMetadata(fd: Fd, entry: TarEntry): number {
  // SAFETY: chown(2) clears setuid, setgid and file capabilities, so it comes first; and no moment has a setuid
  // bit with the wrong owner.
  call("fchown", fd, entry.uid, entry.gid);
  call("fchmod", fd, entry.mode);
  return applyXattrs(fd, entry);
}

function applyXattrs(fd: Fd, { xattrs, type }: TarEntry): number {
  let left = 0;
  for (const [name, value] of xattrs) {
    // A default list on a directory would be inherited by what is unpacked into it: that comes at the end.
    if (name === DEFAULT_ACL && type === "directory") continue;
    if (!isAllowedXattr(name) || !trySetXattr(fd, name, value)) left += 1;
  }
  return left;
}

/**
 * Owner, mode, times and attributes that a hard link's own entry has, for the file that it is a name of: the last entry
 * of a file counts, as with Docker. Of a symbolic link only the owner. Returns how many attributes were left out.
 */
export function applyToInode(parent: Fd, name: string, entry: TarEntry): number {
  using file = new OwnedFd(call("openat", parent, pathArgument(name), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const stat = statFd(file.fd);
  // KERNEL: chown(2) takes file capabilities away even when the owner stays, and most archives repeat the first entry
  // without attributes.
  if (stat.uid !== entry.uid || stat.gid !== entry.gid)
    call("fchownat", file.fd, "", entry.uid, entry.gid, AT_EMPTY_PATH);
  if (stat.kind === "symlink") return entry.xattrs.size;
  // SAFETY: the very file that was looked at, which may be a device, and is not opened.
  const path = `/proc/self/fd/${file.fd}`;
  if (statFd(file.fd).permissions !== entry.mode) call("fchmodat", AT_FDCWD, path, entry.mode);
  const left = stat.kind === "file" ? applyXattrsAt(path, entry) : entry.xattrs.size;
  call("utimensat", AT_FDCWD, path, encodeTimes(entry.mtime), 0);
  return left;
}

function applyXattrsAt(path: string, entry: TarEntry): number {
  if (entry.xattrs.size === 0) return 0;
  using file = new OwnedFd(call("openat", AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
  return applyXattrs(file.fd, entry);
}

// SAFETY: filled and read within one synchronous call, so one buffer serves all.
const times: Uint8Array = new Uint8Array(32);
const view: DataView = new DataView(times.buffer);

/** Sets both times of an open file. */
export function applyTime(fd: Fd, time: FileTime): void {
  call("utimensat", fd, null, encodeTimes(time), 0);
}

/** Sets both times of a directory entry itself. */
export function applyTimeAt(directory: Fd, name: string, time: FileTime): void {
  call("utimensat", directory, pathArgument(name), encodeTimes(time), AT_SYMLINK_NOFOLLOW);
}

// SPEC: struct timespec[2], access and modification, each { s64 seconds; s64 nanoseconds; }
function encodeTimes({ seconds, nanoseconds }: FileTime): Uint8Array {
  for (const at of [0, 16]) {
    view.setUint32(at, seconds % 2 ** 32 < 0 ? (seconds % 2 ** 32) + 2 ** 32 : seconds % 2 ** 32, true);
    view.setInt32(at + 4, Math.floor(seconds / 2 ** 32), true);
    view.setUint32(at + 8, nanoseconds, true);
  }
  return times;
}
