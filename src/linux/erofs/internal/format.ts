/**
 * Pieces of EROFS on the disk. SPEC: fs/erofs/erofs_fs.h, Documentation/filesystems/erofs.rst. Little-endian. Blocks
 * are of 512 bytes, as a tar's are, so that the content of an archive's files is aligned where it stands.
 */
import { required } from "../../../base/required.ts";
import { encodeBytes } from "../../../spec/byte-text.ts";
import { makeDevice } from "../../files/stat.ts";
import type { LayerNode } from "./layer-node.ts";

export const BLOCK_BITS = 9;
export const BLOCK_BYTES = 512;
/** Where the superblock is. */
export const SUPER_OFFSET = 1024;
export const INODE_BYTES = 64;
const MAGIC = 0xe0f5_e1e2;
const INCOMPAT_CHUNKED_FILE = 4;
/** In place of a block: a hole. */
export const HOLE = 0xffff_ffff;

export const LAYOUT_PLAIN = 0;
export const LAYOUT_INLINE = 2;
export const LAYOUT_CHUNKED = 4;
const EXTENDED_INODE = 1;

/** File types of directory entries, and the bits of st_mode. */
const types = {
  file: [1, 0o100000],
  directory: [2, 0o040000],
  character: [3, 0o020000],
  block: [4, 0o060000],
  fifo: [5, 0o010000],
  socket: [6, 0o140000],
  symlink: [7, 0o120000],
} as const;

/** Attributes are named by the number of their prefix and the rest. */
const prefixes: readonly (readonly [prefix: string, index: number])[] = [
  ["user.", 1],
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
  ["trusted.", 4],
  ["security.", 6],
];

export interface SuperblockFields {
  readonly rootNid: number;
  readonly inodes: number;
  readonly blocks: number;
  /** First block of the area that inode numbers count from, in units of 32 bytes. */
  readonly metaBlock: number;
}

export function encodeSuperblock({ rootNid, inodes, blocks, metaBlock }: SuperblockFields): Uint8Array {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(12, BLOCK_BITS);
  view.setUint16(14, rootNid, true);
  view.setBigUint64(16, BigInt(inodes), true);
  view.setUint32(36, blocks, true);
  view.setUint32(40, metaBlock, true);
  view.setUint32(80, INCOMPAT_CHUNKED_FILE, true);
  return bytes;
}

export interface InodeFields {
  readonly layout: number;
  readonly size: number;
  /** First block, device number or format of the chunks. */
  readonly union: number;
  readonly xattrBytes: number;
  readonly number: number;
  readonly links: number;
}

/** Writes the inode (its long form: the short one has no time of its own). */
export function writeInode(view: DataView, at: number, node: LayerNode, fields: InodeFields): void {
  const { layout, size, union, xattrBytes, number, links } = fields;
  view.setUint16(at, EXTENDED_INODE | (layout << 1), true);
  view.setUint16(at + 2, xattrBytes === 0 ? 0 : (xattrBytes - 12) / 4 + 1, true);
  view.setUint16(at + 4, types[node.kind][1] | node.mode, true);
  view.setBigUint64(at + 8, BigInt(size), true);
  view.setUint32(at + 16, union, true);
  view.setUint32(at + 20, number, true);
  view.setUint32(at + 24, node.uid, true);
  view.setUint32(at + 28, node.gid, true);
  view.setBigInt64(at + 32, BigInt(node.mtime.seconds), true);
  view.setUint32(at + 40, node.mtime.nanoseconds, true);
  view.setUint32(at + 44, links, true);
}

export function deviceOf({ major, minor }: LayerNode): number {
  return makeDevice(major, minor) >>> 0;
}

/** The attributes of one inode, in place behind it; nothing for none. Throws when they are too large for the format. */
export function encodeXattrs(node: LayerNode): Uint8Array {
  const all: [string, Uint8Array][] = [...(node.xattrs ?? [])];
  if (node.isOpaque) all.push(["trusted.overlay.opaque", Uint8Array.of(0x79)]);
  if (all.length === 0) return empty;
  const parts: Uint8Array[] = [new Uint8Array(12)];
  for (const [name, value] of all) {
    const [prefix, index] = required(prefixes.find(([each]) => name.startsWith(each)));
    const rest = encodeBytes(name.slice(prefix.length));
    const entry = new Uint8Array((4 + rest.length + value.length + 3) & ~3);
    entry[0] = rest.length;
    entry[1] = index;
    new DataView(entry.buffer).setUint16(2, value.length, true);
    entry.set(rest, 4);
    entry.set(value, 4 + rest.length);
    parts.push(entry);
  }
  return Buffer.concat(parts);
}

const empty = new Uint8Array();
/** The maximum: longer ones do not fit into this format. */
export const longestXattrBytes = 32_768;

/** An entry of a directory, before its place is known. */
export interface NamedNode {
  readonly name: Uint8Array;
  readonly node: LayerNode;
}

/** A directory's entries in the order of their bytes, with "." and "..", cut into blocks. */
export function layOutDirectory(directory: LayerNode, parent: LayerNode): readonly (readonly NamedNode[])[] {
  const entries: NamedNode[] = [
    { name: encodeBytes("."), node: directory },
    { name: encodeBytes(".."), node: parent },
  ];
  for (const [name, node] of directory.children) entries.push({ name: encodeBytes(name), node });
  entries.sort((one, other) => Buffer.compare(one.name, other.name));
  const blocks: NamedNode[][] = [];
  let block: NamedNode[] = [];
  let used = 0;
  for (const entry of entries) {
    const bytes = DIRENT_BYTES + entry.name.length;
    if (used + bytes > BLOCK_BYTES) {
      blocks.push(block);
      block = [];
      used = 0;
    }
    block.push(entry);
    used += bytes;
  }
  blocks.push(block);
  return blocks;
}

const DIRENT_BYTES = 12;

/** Bytes of one block of a directory that are in use. */
export function directoryBlockBytes(block: readonly NamedNode[]): number {
  let bytes = 0;
  for (const { name } of block) bytes += DIRENT_BYTES + name.length;
  return bytes;
}

/** Writes one block of a directory at `at`: all entries, then all names. */
export function writeDirectoryBlock(
  bytes: Uint8Array,
  at: number,
  { block, nidOf }: { readonly block: readonly NamedNode[]; readonly nidOf: (node: LayerNode) => number },
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let nameAt = block.length * DIRENT_BYTES;
  for (const [index, { name, node }] of block.entries()) {
    const entryAt = at + index * DIRENT_BYTES;
    view.setBigUint64(entryAt, BigInt(nidOf(node)), true);
    view.setUint16(entryAt + 8, nameAt, true);
    view.setUint8(entryAt + 10, types[node.kind][0]);
    bytes.set(name, at + nameAt);
    nameAt += name.length;
  }
}
