import { required } from "../base/required.ts";
import { createCipheriv, createDecipheriv, timingSafeEqual } from "node:crypto";

const initial = Buffer.alloc(8, 0xa6);

/**
 * A key wrapped in another one of 16, 24 or 32 bytes. SPEC: RFC 3394, section 2.2.1. Our own loops over the block
 * cipher: the runtime's library does not have it everywhere.
 */
export function wrapKey(key: Uint8Array, wrapping: Uint8Array): Uint8Array {
  const cipher = createCipheriv(nameOf(wrapping), wrapping, null).setAutoPadding(false);
  let head: Buffer = initial;
  const blocks = blocksOf(key);
  for (let round = 0; round < 6; round++) {
    for (const [index, block] of blocks.entries()) {
      const made = cipher.update(Buffer.concat([head, block]));
      head = withCounter(made.subarray(0, 8), blocks.length * round + index + 1);
      blocks[index] = made.subarray(8);
    }
  }
  return Buffer.concat([head, ...blocks]);
}

/** The way back; undefined for a key that was wrapped in another one, or is none. SPEC: RFC 3394, section 2.2.2. */
export function unwrapKey(wrapped: Uint8Array, wrapping: Uint8Array): Uint8Array | undefined {
  if (wrapped.length < 24 || wrapped.length % 8 !== 0) return undefined;
  const cipher = createDecipheriv(nameOf(wrapping), wrapping, null).setAutoPadding(false);
  let head = Buffer.from(wrapped.subarray(0, 8));
  const blocks = blocksOf(wrapped.subarray(8));
  for (let round = 5; round >= 0; round--) {
    for (let index = blocks.length - 1; index >= 0; index--) {
      const counted = withCounter(head, blocks.length * round + index + 1);
      const made = cipher.update(Buffer.concat([counted, required(blocks[index])]));
      head = made.subarray(0, 8);
      blocks[index] = made.subarray(8);
    }
  }
  return timingSafeEqual(head, initial) ? Buffer.concat(blocks) : undefined;
}

function nameOf(wrapping: Uint8Array): string {
  return `aes-${wrapping.length * 8}-ecb`;
}

function blocksOf(bytes: Uint8Array): Buffer[] {
  return Array.from({ length: bytes.length / 8 }, (_, index) =>
    Buffer.from(bytes.subarray(index * 8, index * 8 + 8)),
  );
}

function withCounter(head: Uint8Array, count: number): Buffer {
  const counted = Buffer.from(head);
  counted.writeUInt32BE((counted.readUInt32BE(4) ^ count) >>> 0, 4);
  return counted;
}
