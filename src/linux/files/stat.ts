import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_SYMLINK_NOFOLLOW,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../constants/open.ts";
import { errno } from "../kernel/errno.ts";
import type { Fd } from "../kernel/fd.ts";
import { pathArgument } from "../kernel/path-argument.ts";
import { attempt, call } from "../kernel/syscall.ts";

export type FileKind = "file" | "directory" | "symlink" | "character" | "block" | "fifo" | "socket";

/** Seconds since 1970 (negative before) and 0 to 999,999,999 nanoseconds after that. */
export interface FileTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** statx(2). */
export interface Stat {
  readonly kind: FileKind;
  /** Permission bits with setuid, setgid, sticky: 0 to 0o7777. */
  readonly permissions: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  readonly inode: bigint;
  /** The device that holds the file, as makedev(3). */
  readonly device: number;
  /** For devices: what it is the node of. */
  readonly major: number;
  readonly minor: number;
  /** Space in use, in units of 512 bytes. */
  readonly blocks: number;
  readonly modified: FileTime;
  readonly accessed: FileTime;
  readonly changed: FileTime;
  /** Mount on which the file was found. KERNEL(5.8): 0 before. */
  readonly mountId: bigint;
}

const STATX_BASIC_STATS = 0x7ff;
const STATX_MNT_ID = 0x1000;
const MASK = STATX_BASIC_STATS | STATX_MNT_ID;

// SAFETY: filled and read within one synchronous call, so one buffer serves all.
const buffer: Uint8Array = new Uint8Array(256);
const view: DataView = new DataView(buffer.buffer);

/** The file behind a descriptor, O_PATH too. */
export function statFd(fd: Fd): Stat {
  call("statx", fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, MASK, buffer);
  return parse();
}

/** The directory entry itself: a symbolic link is not followed. `name` is one component. */
export function statAt(directory: Fd, name: string): Stat {
  call("statx", directory, pathArgument(name), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, MASK, buffer);
  return parse();
}

/** As statAt(); undefined when there is no such entry. */
export function findStatAt(directory: Fd, name: string): Stat | undefined {
  const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  const result = attempt("statx", directory, pathArgument(name), flags, MASK, buffer);
  if (result === -errno.ENOENT) return undefined;
  return result === 0 ? parse() : statAt(directory, name);
}

/** True when both are the same file. */
export function isSameFile(one: Stat, other: Stat): boolean {
  return one.inode === other.inode && one.device === other.device;
}

/** A device number as mknod(2) takes it: 12 bits of major, 20 bits of minor number. */
export function makeDevice(major: number, minor: number): number {
  return (minor & 0xff) + ((major & 0xfff) << 8) + (minor >>> 8) * 0x100000;
}

/** The kind of a file from its st_mode. */
export function kindOfMode(mode: number): FileKind {
  return kinds.get(mode & S_IFMT) ?? "file";
}

const kinds: ReadonlyMap<number, FileKind> = new Map<number, FileKind>([
  [S_IFREG, "file"],
  [S_IFDIR, "directory"],
  [S_IFLNK, "symlink"],
  [S_IFCHR, "character"],
  [S_IFBLK, "block"],
  [S_IFIFO, "fifo"],
  [S_IFSOCK, "socket"],
]);

// SPEC: struct statx, <linux/stat.h>.
function parse(): Stat {
  const mode = view.getUint16(28, true);
  return {
    kind: kindOfMode(mode),
    permissions: mode & 0o7777,
    links: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    inode: view.getBigUint64(32, true),
    size: Number(view.getBigUint64(40, true)),
    blocks: Number(view.getBigUint64(48, true)),
    accessed: time(64),
    changed: time(96),
    modified: time(112),
    major: view.getUint32(128, true),
    minor: view.getUint32(132, true),
    device: makeDevice(view.getUint32(136, true), view.getUint32(140, true)),
    mountId: view.getBigUint64(144, true),
  };
}

function time(at: number): FileTime {
  return { seconds: Number(view.getBigInt64(at, true)), nanoseconds: view.getUint32(at + 8, true) };
}
