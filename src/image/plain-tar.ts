import { decompress } from "./streams/compression.ts";

/**
 * A tar without its compression, if it has one: gzip or zstd. Throws "unsupported" for bzip2 and xz, "corrupt" when it
 * is cut off.
 */
export function plainTar(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return decompress(archive);
}
