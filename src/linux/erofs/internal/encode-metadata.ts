import { required } from "../../../base/required.ts";
import { encodeBytes } from "../../../spec/byte-text.ts";
import { type ChunkMap, mapChunks } from "./chunk-map.ts";
import {
  BLOCK_BYTES,
  deviceOf,
  directoryBlockBytes,
  encodeSuperblock,
  encodeXattrs,
  INODE_BYTES,
  LAYOUT_CHUNKED,
  LAYOUT_INLINE,
  LAYOUT_PLAIN,
  longestXattrBytes,
  type NamedNode,
  layOutDirectory,
  writeDirectoryBlock,
  writeInode,
} from "./format.ts";
import type { LayerNode } from "./layer-node.ts";

/** Inodes are numbered by where they are, in these units; number 0 would hide them from readdir(3). */
const NID_BYTES = 32;
const firstInodeAt: number = INODE_BYTES;
/** Blocks are numbered with 32 bits. */
const mostBytes: number = 2 ** 32 * BLOCK_BYTES;

interface Placement {
  readonly at: number;
  readonly xattrs: Uint8Array;
  readonly content: Content;
}

type Content =
  | { readonly kind: "directory"; readonly blocks: readonly (readonly NamedNode[])[]; readonly bytes: number }
  | { readonly kind: "symlink"; readonly target: Uint8Array }
  | { readonly kind: "file"; readonly block: number }
  | { readonly kind: "sparse"; readonly map: ChunkMap }
  | { readonly kind: "node" };

export interface LayerMetadata {
  /** To be written where it was planned for. */
  readonly bytes: Uint8Array;
  readonly superblock: Uint8Array;
}

/**
 * The index of an image: inodes, directories and attributes of the tree, for the place `at` (a whole number of blocks)
 * behind all content. Undefined when something of it is not for this format, which happens to files of a hundred
 * thousands of pieces, attributes of many kilobytes, and images of two tebibytes. Pure.
 */
export function encodeMetadata(root: LayerNode, at: number): LayerMetadata | undefined {
  const placements = new Map<LayerNode, Placement>();
  const pending: (readonly [node: LayerNode, parent: LayerNode])[] = [[root, root]];
  let end = firstInodeAt;
  // Directories are placed before what is in them, the root first: its number has to fit into 16 bits.
  for (let index = 0; index < pending.length; index++) {
    const [node, parent] = required(pending[index]);
    if (placements.has(node)) continue;
    const xattrs = encodeXattrs(node);
    const content = contentOf(node, parent);
    if (content === undefined || xattrs.length > longestXattrBytes) return undefined;
    const head = INODE_BYTES + xattrs.length;
    const tail = tailBytes(content, head);
    const offset = offsetFor(end, head, isInline(content, head) ? tail : 0);
    placements.set(node, { at: offset, xattrs, content });
    end = alignUp(offset + head + tail, INODE_BYTES);
    for (const child of node.children.values()) pending.push([child, node]);
  }
  const dataAt = alignUp(end, BLOCK_BYTES);
  const bytes = new Uint8Array(dataAt + outlyingBytes(placements));
  if (at + bytes.length > mostBytes) return undefined;
  writeAll(bytes, placements, { at, dataAt });
  const superblock = encodeSuperblock({
    rootNid: firstInodeAt / NID_BYTES,
    inodes: placements.size,
    blocks: (at + bytes.length) / BLOCK_BYTES,
    metaBlock: at / BLOCK_BYTES,
  });
  return { bytes, superblock };
}

function contentOf(node: LayerNode, parent: LayerNode): Content | undefined {
  if (node.kind === "directory") {
    const blocks = layOutDirectory(node, parent);
    const last = required(blocks.at(-1));
    return {
      kind: "directory",
      blocks,
      bytes: (blocks.length - 1) * BLOCK_BYTES + directoryBlockBytes(last),
    };
  }
  if (node.kind === "symlink") return { kind: "symlink", target: encodeBytes(node.target) };
  if (node.kind !== "file") return { kind: "node" };
  const [first] = node.segments;
  const isWhole = node.segments.length === 1 && first?.offset === 0 && first.length === node.size;
  if (isWhole || node.size === 0) return { kind: "file", block: (first?.imageOffset ?? 0) / BLOCK_BYTES };
  const map = mapChunks(node.segments, node.size);
  return map === undefined ? undefined : { kind: "sparse", map };
}

function sizeOf(node: LayerNode, content: Content): number {
  if (content.kind === "directory") return content.bytes;
  return content.kind === "symlink" ? content.target.length : node.size;
}

/** Whether the content stands behind the inode, within one block. */
function isInline(content: Content, head: number): boolean {
  if (content.kind === "directory") return content.blocks.length === 1 && head + content.bytes <= BLOCK_BYTES;
  return content.kind === "symlink" && head + content.target.length <= BLOCK_BYTES;
}

/** The number of bytes after the inode and its attributes. */
function tailBytes(content: Content, head: number): number {
  if (content.kind === "sparse") return content.map.blocks.length * 4;
  if (!isInline(content, head)) return 0;
  if (content.kind === "directory") return content.bytes;
  return content.kind === "symlink" ? content.target.length : 0;
}

/** The first place from `from` on at which nothing of an inline tail crosses the end of a block. */
function offsetFor(from: number, head: number, inline: number): number {
  if (inline === 0) return from;
  let offset = from;
  while (((offset + head) % BLOCK_BYTES) + inline > BLOCK_BYTES) offset += INODE_BYTES;
  return offset;
}

/** The number of blocks: of directories and links that are not stored inline. */
function blocksOf({ content, xattrs }: Placement): number {
  if (isInline(content, INODE_BYTES + xattrs.length)) return 0;
  if (content.kind === "directory") return content.blocks.length;
  return content.kind === "symlink" ? Math.ceil(content.target.length / BLOCK_BYTES) : 0;
}

function outlyingBytes(placements: ReadonlyMap<LayerNode, Placement>): number {
  let blocks = 0;
  for (const placement of placements.values()) blocks += blocksOf(placement);
  return blocks * BLOCK_BYTES;
}

function writeAll(
  bytes: Uint8Array,
  placements: ReadonlyMap<LayerNode, Placement>,
  { at, dataAt }: { readonly at: number; readonly dataAt: number },
): void {
  const view = new DataView(bytes.buffer);
  const nidOf = (node: LayerNode): number => required(placements.get(node)).at / NID_BYTES;
  let nextAt = dataAt;
  let number = 0;
  for (const [node, placement] of placements) {
    const { at: offset, xattrs, content } = placement;
    const head = INODE_BYTES + xattrs.length;
    const inline = isInline(content, head);
    const contentAt = inline ? offset + head : nextAt;
    const union = unionOf(node, content, (at + nextAt) / BLOCK_BYTES);
    writeInode(view, offset, node, {
      layout: inline ? LAYOUT_INLINE : content.kind === "sparse" ? LAYOUT_CHUNKED : LAYOUT_PLAIN,
      size: sizeOf(node, content),
      union,
      xattrBytes: xattrs.length,
      number: ++number,
      links: node.kind === "directory" ? 2 + directoriesIn(node) : node.links,
    });
    bytes.set(xattrs, offset + INODE_BYTES);
    if (content.kind === "directory") {
      for (const [index, block] of content.blocks.entries()) {
        writeDirectoryBlock(bytes, contentAt + index * BLOCK_BYTES, { block, nidOf });
      }
    } else if (content.kind === "symlink") {
      bytes.set(content.target, contentAt);
    } else if (content.kind === "sparse") {
      for (const [index, block] of content.map.blocks.entries())
        view.setUint32(offset + head + index * 4, block, true);
    }
    nextAt += blocksOf(placement) * BLOCK_BYTES;
  }
}

function unionOf(node: LayerNode, content: Content, block: number): number {
  switch (content.kind) {
    case "file":
      return content.block;
    case "sparse":
      return content.map.bits;
    case "node":
      return deviceOf(node);
    default:
      return block;
  }
}

function directoriesIn(node: LayerNode): number {
  let count = 0;
  for (const { kind } of node.children.values()) if (kind === "directory") count += 1;
  return count;
}

function alignUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
