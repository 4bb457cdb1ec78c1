import { sleep } from "../../base/deadline.ts";
import { decodeBytes } from "../../spec/byte-text.ts";
import { searchTree, type TreeItem } from "./search.ts";
import { duplicateFd, type Fd } from "../kernel/fd.ts";
import { type Stat, statFd } from "../files/stat.ts";
import { attempt, isErrno } from "../kernel/syscall.ts";
import { syncFilesystem } from "../files/sync.ts";
import { Pace } from "../tree/pace.ts";
import type { SnapshotChanges } from "../tree/snapshot-changes.ts";

// SPEC: linux/btrfs.h, linux/btrfs_tree.h
const IOC_GET_SUBVOL_INFO = 0x81f8_943c;
const INODE_ITEM = 1;
const INODE_REF = 12;
const INODE_EXTREF = 13;
const ROOT_INODE = 256n;
const LAST_INODE: bigint = 2n ** 64n - 257n;

/**
 * struct btrfs_ioctl_get_subvol_info_args: u64 id, name[256], u64 parent, directory, generation, flags, three uuids,
 * four transactions …
 */
const infoBytes = 504;
const [uuidAt, parentUuidAt, createdAt, creationTimeAt] = [296, 312, 352, 392];

/**
 * struct btrfs_inode_item: u64 generation, transid, size, bytes, …, sequence, reserved[4], then times of u64 and u32.
 */
const [inodeTransactionAt, sequenceAt, accessedAt, changedAt] = [8, 72, 112, 124];
/** The effects of reading a file or a directory: the access time, and the mark of a write. */
const changedByReading: readonly (readonly [from: number, to: number])[] = [
  [inodeTransactionAt, inodeTransactionAt + 8],
  [sequenceAt, sequenceAt + 8],
  [accessedAt, changedAt],
];

/**
 * Finds the changes in the snapshot `tree` of `original` without a look at each file. Returns undefined when `tree` is
 * no snapshot of it, or the kernel cannot answer. It first flushes pending data to the disk, and gives up when that
 * takes longer than `patienceMs`. Concurrent writes may be missing.
 *
 * KERNEL: an inode records the transaction that last wrote it: its size, times, owner, attributes or, for a directory,
 * a name in it. A snapshot ends a transaction; later changes in it belong to a later one. A change does not mark the
 * parent directories, so they are found by the names that refer to the inode. Reading writes the access time: an inode
 * was only read when its change time is older than the snapshot and only its access time differs from the original.
 */
export async function findSnapshotChanges(
  { tree, original }: { readonly tree: Fd; readonly original: Fd },
  {
    signal,
    patienceMs = 100,
  }: { readonly signal?: AbortSignal | undefined; readonly patienceMs?: number | undefined } = {},
): Promise<SnapshotChanges | undefined> {
  const made = findInfo(tree);
  const source = findInfo(original);
  if (made === undefined || source === undefined || made.parentUuid !== source.uuid) return undefined;
  try {
    if (!(await isWritten(tree, patienceMs))) return undefined;
    // SAFETY: a writer to a snapshot may create subvolumes in it, whose inodes have their own numbers.
    const changed = new ChangedInodes(statFd(tree).device);
    await changed.find({ tree, original }, { made, pace: new Pace(signal) });
    return changed;
  } catch (thrown) {
    if (isErrno(thrown, "EPERM", "ENOTTY", "EINVAL", "EOPNOTSUPP")) return undefined;
    throw thrown;
  }
}

class ChangedInodes implements SnapshotChanges {
  readonly #device: number;
  readonly #touched = new Set<bigint>();
  /** Of each directory above something that was touched. */
  readonly #names = new Map<bigint, Set<string>>();

  constructor(device: number) {
    this.#device = device;
  }

  async find(
    { tree, original }: { readonly tree: Fd; readonly original: Fd },
    { made, pace }: { readonly made: SubvolumeInfo; readonly pace: Pace },
  ): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    const since = made.transaction + 1n;
    const range = { objects: [ROOT_INODE, LAST_INODE], types: [0, 255], since } as const;
    for (const { object, type, data } of searchTree(tree, range)) {
      if (type !== INODE_ITEM || data.getBigUint64(inodeTransactionAt, true) < since) continue;
      const wasOlder = data.getBigUint64(changedAt, true) < made.seconds;
      if (!wasOlder || !isOnlyRead(data, { object, original, buffer })) this.#touched.add(object);
      if (pace.isDue()) await pace.rest();
    }
    await this.#findAbove(tree, { buffer, pace });
  }

  isUntouched({ device, inode }: Stat): boolean {
    return device === this.#device && !this.#touched.has(inode);
  }

  namesIn({ inode }: Stat): readonly string[] {
    return [...(this.#names.get(inode) ?? [])];
  }

  async #findAbove(
    tree: Fd,
    { buffer, pace }: { readonly buffer: Uint8Array<ArrayBuffer>; readonly pace: Pace },
  ): Promise<void> {
    const seen = new Set(this.#touched);
    const left = [...seen];
    for (let inode = left.pop(); inode !== undefined; inode = left.pop()) {
      const range = { objects: [inode, inode], types: [INODE_REF, INODE_EXTREF] } as const;
      for (const item of searchTree(tree, range, { buffer })) {
        for (const { parent, name } of namesOf(item)) {
          const names = this.#names.get(parent);
          if (names === undefined) this.#names.set(parent, new Set([name]));
          else names.add(name);
          if (seen.has(parent)) continue;
          seen.add(parent);
          left.push(parent);
        }
      }
      if (pace.isDue()) await pace.rest();
    }
  }
}

function isOnlyRead(
  now: DataView,
  {
    object,
    original,
    buffer,
  }: { readonly object: bigint; readonly original: Fd; readonly buffer: Uint8Array<ArrayBuffer> },
): boolean {
  const range = { objects: [object, object], types: [INODE_ITEM, INODE_ITEM] } as const;
  for (const { data } of searchTree(original, range, { buffer })) {
    return Buffer.compare(withoutReading(now), withoutReading(data)) === 0;
  }
  return false;
}

function withoutReading(item: DataView): Uint8Array {
  const bytes = new Uint8Array(item.buffer, item.byteOffset, item.byteLength).slice();
  for (const [from, to] of changedByReading) bytes.fill(0, from, to);
  return bytes;
}

/** Reads one item that lists the names of an inode. */
function* namesOf({ type, offset, data }: TreeItem): Generator<{ parent: bigint; name: string }> {
  const isExtended = type === INODE_EXTREF;
  // struct btrfs_inode_ref: u64 index, u16 length, name. struct btrfs_inode_extref: u64 parent, then the same.
  const nameAt = isExtended ? 18 : 10;
  for (let at = 0; at + nameAt <= data.byteLength; ) {
    const length = data.getUint16(at + nameAt - 2, true);
    const bytes = new Uint8Array(data.buffer, data.byteOffset + at + nameAt, length);
    const parent = isExtended ? data.getBigUint64(at, true) : offset;
    // The root of a subvolume is its own parent, under "..".
    if (parent !== ROOT_INODE || decodeBytes(bytes) !== "..") yield { parent, name: decodeBytes(bytes) };
    at += nameAt + length;
  }
}

interface SubvolumeInfo {
  readonly uuid: string;
  /** Of the subvolume that it is a snapshot of. */
  readonly parentUuid: string;
  /** In which it was made. */
  readonly transaction: bigint;
  /** When it was made, in seconds since 1970. */
  readonly seconds: bigint;
}

function findInfo(fd: Fd): SubvolumeInfo | undefined {
  const encoded = new Uint8Array(infoBytes);
  if (attempt("ioctl", fd, IOC_GET_SUBVOL_INFO, encoded) < 0) return undefined;
  const uuid = (at: number): string => Buffer.from(encoded.buffer, at, 16).toString("hex");
  const word = (at: number): bigint => new DataView(encoded.buffer).getBigUint64(at, true);
  const [transaction, seconds] = [word(createdAt), word(creationTimeAt)];
  return { uuid: uuid(uuidAt), parentUuid: uuid(parentUuidAt), transaction, seconds };
}

let isSyncing = false;

/**
 * Writes what is pending into the tree, where the search finds it. False where others have so much to write that
 * looking at everything may be done sooner: then it goes on by itself, one at a time. KERNEL: the times of a file that
 * was written to are in memory alone until its data is on the disk; committing the transaction is not enough.
 */
async function isWritten(tree: Fd, patienceMs: number): Promise<boolean> {
  if (isSyncing) return false;
  isSyncing = true;
  const own = duplicateFd(tree);
  const written = syncFilesystem(own.fd)
    .then(
      () => true,
      () => false,
    )
    .finally(() => {
      own[Symbol.dispose]();
      isSyncing = false;
    });
  return await Promise.race([written, sleep(patienceMs).then(() => false)]);
}
