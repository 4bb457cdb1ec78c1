import { errno } from "../kernel/errno.ts";
import type { Fd } from "../kernel/fd.ts";
import { attempt, SyscallFailure } from "../kernel/syscall.ts";

const IOC_TREE_SEARCH_V2 = 0xc070_9411;

/** struct btrfs_ioctl_search_args_v2: the key (104 bytes), u64 length of the buffer, the buffer. */
const headBytes = 112;
const largest: bigint = 2n ** 64n - 1n;

/** One item of a tree, with its key: SPEC: linux/btrfs_tree.h. */
export interface TreeItem {
  readonly object: bigint;
  readonly type: number;
  readonly offset: bigint;
  /** Good until the next item is asked for. */
  readonly data: DataView;
}

export interface TreeRange {
  /** 0: the subvolume that the descriptor is in. */
  readonly tree?: bigint | undefined;
  readonly objects: readonly [from: bigint, to: bigint];
  readonly types: readonly [from: number, to: number];
  /** Only what lies in blocks of the tree that were written in this transaction or later. */
  readonly since?: bigint | undefined;
}

/**
 * Items whose keys lie between (object, type, 0) and (object, type, 2⁶⁴−1), in the order of keys, which compare as a
 * whole: with several objects there are others types in between. Needs CAP_SYS_ADMIN. None where there is no such tree.
 * `buffer`: for many small searches, one after the other; it has to hold an item.
 */
export function* searchTree(
  fd: Fd,
  { tree = 0n, objects, types, since = 0n }: TreeRange,
  { buffer = new Uint8Array(256 * 1024) }: { readonly buffer?: Uint8Array<ArrayBuffer> | undefined } = {},
): Generator<TreeItem, void, undefined> {
  const encoded = buffer;
  const head = new DataView(encoded.buffer);
  let [object, type, offset] = [objects[0], types[0], 0n];
  for (;;) {
    // tree, objects from and to, offsets from and to, transactions from and to, types from and to, count
    const words = [tree, object, objects[1], offset, largest, since, largest];
    for (const [index, word] of words.entries()) head.setBigUint64(index * 8, word, true);
    head.setUint32(56, type, true);
    head.setUint32(60, types[1], true);
    head.setUint32(64, 0xffff_ffff, true);
    head.setBigUint64(104, BigInt(encoded.length - headBytes), true);
    const result = attempt("ioctl", fd, IOC_TREE_SEARCH_V2, encoded);
    if (result === -errno.ENOENT) return;
    if (result < 0) throw new SyscallFailure("ioctl", [fd, IOC_TREE_SEARCH_V2], -result);
    const count = head.getUint32(64, true);
    if (count === 0) return;
    let at = headBytes;
    for (let index = 0; index < count; index++) {
      // struct btrfs_ioctl_search_header: u64 transaction, object, offset, u32 type, length
      object = head.getBigUint64(at + 8, true);
      offset = head.getBigUint64(at + 16, true);
      type = head.getUint32(at + 24, true);
      const length = head.getUint32(at + 28, true);
      yield { object, type, offset, data: new DataView(encoded.buffer, at + 32, length) };
      at += 32 + length;
    }
    // The next key.
    if (offset < largest) offset++;
    else if (type < 255) [type, offset] = [type + 1, 0n];
    else [object, type, offset] = [object + 1n, 0, 0n];
  }
}
