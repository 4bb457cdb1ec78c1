import { parseByteSize } from "../base/byte-size.ts";
import { Failure, sentenceOf } from "../base/failure.ts";

/** The default maximum of TCP bytes that an interface accepts in one packet, and the maximum of older kernels. */
export const plainGsoSize = 65_536;

/** KERNEL: GSO_MAX_SIZE, 8 times the most segments that a packet may stand for. */
export const largestGsoSize = 524_280;

/**
 * Bytes of `192k` or `196608`; 65536 for `0` and `64k`. Throws Failure("invalid") with the rule for anything that the
 * kernel would not take.
 */
export function parseGsoMaxSize(text: string): number {
  const size = readSize(text);
  if (size === 0) return plainGsoSize;
  if (size === undefined || size < plainGsoSize || size > largestGsoSize) {
    throw new Failure("invalid", `it is a size from 64k to ${largestGsoSize} bytes, or 0`);
  }
  return size;
}

/** Parses the value of the engine option `name` for the default bridge. Throws "invalid". */
export function parseBridgeGsoMaxSize(text: string, name: string): number {
  try {
    return parseGsoMaxSize(text);
  } catch (thrown) {
    throw new Failure("invalid", `invalid ${name} "${text.slice(0, 60)}": ${sentenceOf(thrown)}`);
  }
}

function readSize(text: string): number | undefined {
  try {
    return parseByteSize(text);
  } catch {
    return undefined;
  }
}
