/** The pieces of a stream that has no encoding and is not in object mode; node:stream types them as `any`. */
export function bytesOf(stream: AsyncIterable<unknown>): AsyncIterable<Uint8Array> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- such a stream gives nothing but bytes
  return stream as AsyncIterable<Uint8Array>;
}
