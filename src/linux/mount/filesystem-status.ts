import { ST_RDONLY } from "../constants/mount.ts";
import type { Fd } from "../kernel/fd.ts";
import { call } from "../kernel/syscall.ts";

export interface FilesystemStatus {
  /** The type as in linux/magic.h: PROC_SUPER_MAGIC, … */
  readonly magic: number;
  /** Of the mount or of the file system: writing through this descriptor's mount would be EROFS. */
  readonly readonly: boolean;
  readonly totalBytes: number;
  /** For those without privilege. */
  readonly availableBytes: number;
  readonly totalInodes: number;
  readonly freeInodes: number;
}

/** fstatfs(2); works on O_PATH descriptors and detached mounts. */
export function filesystemStatus(fd: Fd): FilesystemStatus {
  const bytes = new Uint8Array(120);
  call("fstatfs", fd, bytes);
  const view = new DataView(bytes.buffer);
  const word = (index: number): number => Number(view.getBigUint64(index * 8, true));
  const fragmentBytes = word(9);
  return {
    magic: word(0),
    readonly: (word(10) & ST_RDONLY) !== 0,
    totalBytes: word(2) * fragmentBytes,
    availableBytes: word(4) * fragmentBytes,
    totalInodes: word(5),
    freeInodes: word(6),
  };
}

/** The magic number alone: what to check after opening something that must be a procfs, a devpts, … */
export function filesystemMagic(fd: Fd): number {
  return filesystemStatus(fd).magic;
}

/** File systems whose files are the kernel's own, and where a container has them. */
// SPEC: linux/magic.h
export const kernelFilesystems: ReadonlyMap<number, "/proc" | "/sys" | "/dev" | "anywhere"> = new Map([
  [0x9fa0, "/proc"], // proc
  [0x42494e4d, "/proc"], // binfmt_misc
  [0x62656572, "/sys"], // sysfs
  [0x27e0eb, "/sys"], // cgroup
  [0x63677270, "/sys"], // cgroup2
  [0x64626720, "/sys"], // debugfs
  [0x74726163, "/sys"], // tracefs
  [0x73636673, "/sys"], // securityfs
  [0xf97cff8c, "/sys"], // selinuxfs
  [0xcafe4a11, "/sys"], // bpf
  [0x6165676c, "/sys"], // pstore
  [0xde5e81e4, "/sys"], // efivarfs
  [0x65735543, "/sys"], // fusectl
  [0x62656570, "/sys"], // configfs
  [0x7655821, "/sys"], // resctrl
  [0x1cd1, "/dev"], // devpts
  [0x19800202, "/dev"], // mqueue
  [0x6e736673, "anywhere"], // nsfs
  [0x50494446, "anywhere"], // pidfs
]);

// SPEC: linux/magic.h
const names: ReadonlyMap<number, string> = new Map([
  [0xef53, "extfs"],
  [0x9123683e, "btrfs"],
  [0x58465342, "xfs"],
  [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"],
  [0xca451a4e, "bcachefs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlayfs"],
  [0x61756673, "aufs"],
  [0x65735546, "fuse"],
  [0x6969, "nfs"],
  [0xff534d42, "cifs"],
  [0x01021997, "9p"],
  [0xf15f, "ecryptfs"],
  [0x73717368, "squashfs"],
  [0xe0f5e1e2, "erofs"],
]);

/** A file system's name as Docker writes it: `extfs` for ext2 to ext4; `<unknown>` for a rare one. */
export function filesystemName(fd: Fd): string {
  return names.get(filesystemMagic(fd)) ?? "<unknown>";
}

/** A file system of the kernel itself: its files have side effects, and reveal more than they should. */
export function isKernelFilesystem(fd: Fd): boolean {
  return kernelFilesystems.has(filesystemMagic(fd));
}
