import { bytesOf } from "../../base/byte-stream.ts";
import { pipeline, Readable, type Transform } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { readHead, startingWith } from "../../base/stream-head.ts";
import { gunzip } from "./gunzip.ts";
import { wholeZstdFrames } from "./zstd-frames.ts";

export type Compression = "plain" | "gzip" | "zstd";

/** Detects the compression of a tar by its first bytes. Throws "unsupported" for bzip2 and xz. */
export function detectCompression(head: Uint8Array): Compression {
  const starts = (...bytes: readonly number[]): boolean => bytes.every((byte, index) => head[index] === byte);
  if (starts(0x1f, 0x8b)) return "gzip";
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return "zstd";
  // A skippable frame, 0x184d2a50 to 0x184d2a5f.
  if (((head[0] ?? 0) & 0xf0) === 0x50 && [0x2a, 0x4d, 0x18].every((byte, index) => head[index + 1] === byte))
    return "zstd";
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) throw unsupported("xz");
  // BZh, a digit, then the first of a block's mark: a tar may begin with a file that is called "BZh…".
  const isLevel = (head[3] ?? 0) >= 0x31 && (head[3] ?? 0) <= 0x39;
  if (starts(0x42, 0x5a, 0x68) && isLevel && head[4] === 0x31 && head[5] === 0x41) throw unsupported("bzip2");
  return "plain";
}

/**
 * Decompresses plain, gzip or zstd content (several members or frames too), and accepts zero bytes after gzip. It calls
 * `onCompression` before the first piece. It decompresses on the thread pool. Throws "corrupt" when the content is
 * truncated or followed by other data.
 */
export async function* decompress(
  chunks: AsyncIterable<Uint8Array>,
  { onCompression }: { readonly onCompression?: ((compression: Compression) => void) | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    const head = await readHead(iterator, headBytes);
    const all = startingWith(head, iterator);
    const compression = detectCompression(head);
    onCompression?.(compression);
    switch (compression) {
      case "plain":
        yield* all;
        return;
      case "gzip":
        yield* named(gunzip(all, { chunkSize }));
        return;
      case "zstd":
        yield* named(inflate(wholeZstdFrames(all), createZstdDecompress({ chunkSize })));
    }
  } finally {
    await iterator.return?.();
  }
}

/** The compression of the content; reads only its beginning. */
export async function compressionOf(chunks: AsyncIterable<Uint8Array>): Promise<Compression> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    return detectCompression(await readHead(iterator, headBytes));
  } finally {
    await iterator.return?.();
  }
}

const chunkSize = 256 * 1024;
const headBytes = 6;

async function* inflate(
  chunks: AsyncIterable<Uint8Array>,
  transform: Transform,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = Readable.from(chunks, { objectMode: false });
  pipeline(source, transform, () => undefined); // what goes wrong comes out of the transform
  try {
    yield* bytesOf(transform);
  } finally {
    transform.destroy();
    source.destroy();
  }
}

/** Converts errors of zlib into failures. */
async function* named(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* content;
  } catch (thrown) {
    if (
      thrown instanceof Error &&
      "code" in thrown &&
      /^(Z_|ZSTD_|ERR_ZLIB|ERR_ZSTD)/.test(String(thrown.code))
    ) {
      throw new Failure("corrupt", `cannot decompress: ${sentenceOf(thrown)}`, { cause: thrown });
    }
    throw thrown;
  }
}

function unsupported(name: string): Failure {
  return new Failure("unsupported", `cannot decompress ${name}: recompress it with gzip or zstd`);
}
