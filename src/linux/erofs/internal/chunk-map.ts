import { BLOCK_BYTES, HOLE } from "./format.ts";
import type { Segment } from "./layer-node.ts";

/** The format has 31, and a file that is a single chunk needs no more. */
const MOST_BITS = 31;
/** A file of more chunks is not for this format: one of a tebibyte with a byte in each hundredth page. */
const mostChunks: number = 1 << 20;

/** Where a sparse file's chunks are: `bits` is log₂ of the blocks of a chunk. */
export interface ChunkMap {
  readonly bits: number;
  /** The first block of each chunk, or a hole. */
  readonly blocks: Uint32Array;
}

/** Whether all pieces lie on blocks, in the file and in the image, and nothing of another file is in their last one. */
export function isAligned(segments: readonly Segment[], size: number): boolean {
  return segments.every(
    ({ offset, length, imageOffset }) =>
      offset % BLOCK_BYTES === 0 &&
      imageOffset % BLOCK_BYTES === 0 &&
      (length % BLOCK_BYTES === 0 || offset + length === size),
  );
}

/**
 * Chunks as large as the pieces allow. Undefined when there would be too many. `segments` are aligned, see isAligned().
 */
export function mapChunks(segments: readonly Segment[], size: number): ChunkMap | undefined {
  let bits = 0;
  while (bits < MOST_BITS && segments.every((segment) => fits(segment, size, BLOCK_BYTES * 2 ** (bits + 1))))
    bits++;
  const chunkBytes = BLOCK_BYTES * 2 ** bits;
  const count = Math.ceil(size / chunkBytes);
  if (count > mostChunks) return undefined;
  const blocks = new Uint32Array(count).fill(HOLE);
  for (const { offset, length, imageOffset } of segments) {
    for (let done = 0; done < length; done += chunkBytes) {
      blocks[(offset + done) / chunkBytes] = (imageOffset + done) / BLOCK_BYTES;
    }
  }
  return { bits, blocks };
}

function fits({ offset, length }: Segment, size: number, bytes: number): boolean {
  return offset % bytes === 0 && (length % bytes === 0 || offset + length === size);
}
