import { poll } from "../../base/deadline.ts";
import { searchTree, type TreeRange } from "./search.ts";
import type { Fd } from "../kernel/fd.ts";
import { call, callAsync, isErrno } from "../kernel/syscall.ts";

// SPEC: linux/btrfs.h, linux/btrfs_tree.h. All structures are little-endian here, as the processors are.
const IOC_SNAP_CREATE_V2 = 0x5000_9417;
const IOC_SUBVOL_CREATE_V2 = 0x5000_9418;
const IOC_SNAP_DESTROY = 0x5000_940f;
const IOC_INO_LOOKUP = 0xd000_9412;
const IOC_QUOTA_CTL = 0xc010_9428;
const IOC_QGROUP_LIMIT = 0x8030_942b;
const IOC_QUOTA_RESCAN_WAIT = 0x942e;
const IOC_SYNC = 0x9408;

/**
 * struct btrfs_ioctl_vol_args_v2: s64 fd, u64 transid, flags, unused[4], then the name; the first version: s64 fd, the
 * name.
 */
const argumentBytes = 4096;
const nameAt = 56;
const firstNameAt = 8;
/** The inode of a subvolume's root directory, and the first one that is free. */
const ROOT_INODE = 256n;

const QUOTA_CTL_ENABLE = 1n;
const QGROUP_LIMIT_MAX_EXCL = 2n;
const QGROUP_STATUS_KEY = 240;
const QUOTA_TREE = 8n;
const ROOT_TREE = 1n;
const ROOT_ITEM_KEY = 132;
export const BTRFS_SUPER_MAGIC = 0x9123_683e;

/**
 * A new, empty subvolume in the directory: root's, mode 0755. May wait for a commit that is under way, so on the thread
 * pool.
 */
export async function createSubvolume(parent: Fd, name: string): Promise<void> {
  await callAsync("ioctl", parent, IOC_SUBVOL_CREATE_V2, encodeArguments(name));
}

/**
 * A writable snapshot of the subvolume whose root `source` is, in one step however much is in it. Commits what is
 * pending, so on the thread pool.
 */
export async function snapshotSubvolume(source: Fd, parent: Fd, name: string): Promise<void> {
  const encoded = encodeArguments(name);
  new DataView(encoded.buffer).setBigInt64(0, BigInt(source), true);
  await callAsync("ioctl", parent, IOC_SNAP_CREATE_V2, encoded);
}

/**
 * Removes a subvolume and its content. The kernel frees its disk space later, see waitUntilDropped(). Returns false for
 * a directory that is no subvolume, or for one with nested subvolumes: the caller then removes it as a directory. This
 * drops cached data of its files, so it runs on the thread pool.
 */
export async function destroySubvolume(parent: Fd, name: string): Promise<boolean> {
  const encoded = new Uint8Array(argumentBytes);
  encoded.set(encodeName(name), firstNameAt);
  try {
    await callAsync("ioctl", parent, IOC_SNAP_DESTROY, encoded);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return true;
    if (isErrno(thrown, "EINVAL", "ENOTTY", "ENOTEMPTY", "ENOTDIR", "EPERM")) return false;
    throw thrown;
  }
  return true;
}

/**
 * Waits until the kernel has freed the disk space of removed subvolumes. By itself the kernel starts with the next
 * commit, up to half a minute later. Throws Failure("deadline") when an open file in a subvolume or a balance delays
 * it.
 */
export async function waitUntilDropped(
  directory: Fd,
  { ids, timeoutMs }: { readonly ids: Iterable<bigint>; readonly timeoutMs: number },
): Promise<void> {
  const left = new Set(ids);
  if (left.size === 0) return;
  // KERNEL: besides writing out what is pending this wakes the thread that drops subvolumes; syncfs(2) does not.
  await callAsync("ioctl", directory, IOC_SYNC, 0);
  await poll(
    () => {
      for (const id of left) if (!hasRoot(directory, id)) left.delete(id);
      return left.size === 0 ? true : undefined;
    },
    { everyMs: 20, timeoutMs, what: "drop what was removed" },
  );
  await callAsync("ioctl", directory, IOC_SYNC, 0); // the blocks are counted as free with the next commit
}

/** Whether anything is left of a subvolume. */
function hasRoot(directory: Fd, id: bigint): boolean {
  const item: TreeRange = { tree: ROOT_TREE, objects: [id, id], types: [ROOT_ITEM_KEY, ROOT_ITEM_KEY] };
  for (const _ of searchTree(directory, item, { buffer: new Uint8Array(1024) })) return true;
  return false;
}

/** The id of the subvolume that a file is in. */
export function subvolumeOf(file: Fd): bigint {
  const encoded = new Uint8Array(argumentBytes);
  const view = new DataView(encoded.buffer);
  view.setBigUint64(8, ROOT_INODE, true);
  call("ioctl", file, IOC_INO_LOOKUP, encoded);
  return view.getBigUint64(0, true);
}

/**
 * Limits what a subvolume may have that it shares with no other one. Quotas are switched on where they are off: from
 * then on the file system counts for all of its subvolumes, which takes some time of it.
 */
export async function limitSubvolume(root: Fd, bytes: number): Promise<void> {
  await ensureQuotas(root);
  const encoded = new Uint8Array(48);
  const view = new DataView(encoded.buffer);
  view.setBigUint64(0, subvolumeOf(root), true);
  view.setBigUint64(8, QGROUP_LIMIT_MAX_EXCL, true);
  view.setBigUint64(24, BigInt(bytes), true);
  await callAsync("ioctl", root, IOC_QGROUP_LIMIT, encoded);
}

async function ensureQuotas(fd: Fd): Promise<void> {
  if (!hasQuotas(fd)) {
    const encoded = new Uint8Array(16);
    new DataView(encoded.buffer).setBigUint64(0, QUOTA_CTL_ENABLE, true);
    await callAsync("ioctl", fd, IOC_QUOTA_CTL, encoded);
  }
  // Until all is counted once, a limit holds for what is not known to be there.
  await callAsync("ioctl", fd, IOC_QUOTA_RESCAN_WAIT, 0);
}

/** Whether the file system counts what each subvolume takes. */
export function hasQuotas(fd: Fd): boolean {
  const status: TreeRange = {
    tree: QUOTA_TREE,
    objects: [0n, 0n],
    types: [QGROUP_STATUS_KEY, QGROUP_STATUS_KEY],
  };
  for (const _ of searchTree(fd, status, { buffer: new Uint8Array(1024) })) return true;
  return false;
}

function encodeArguments(name: string): Uint8Array {
  const encoded = new Uint8Array(argumentBytes);
  encoded.set(encodeName(name), nameAt);
  return encoded;
}

function encodeName(name: string): Uint8Array {
  return new TextEncoder().encode(name);
}
