import { bytesOf } from "../../base/byte-stream.ts";
import { pipeline, Readable, type Transform } from "node:stream";
import { constants, crc32, createDeflateRaw, createZstdCompress, deflateRawSync } from "node:zlib";
import { Failure } from "../../base/failure.ts";
import type { LayerCompression } from "../../spec/image/layer-compression.ts";
import { detectCompression } from "../streams/compression.ts";

/** How a blob was made of its tar. */
export type BlobForm =
  | { readonly kind: "plain" }
  /** One member: these bytes before the compressed ones (base64). */
  | { readonly kind: "gzip"; readonly header: string; readonly level: number }
  | {
      readonly kind: "zstd";
      readonly level: number;
      readonly checksum: boolean;
      readonly tarBytes?: number | undefined;
    };

/** SPEC: RFC 1952, section 2.3.1: no name, no time, an unknown system: the same layer gives the same bytes. */
const gzipHeader: string = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]).toString("base64");

/** How layers are compressed here: the default levels of the programs gzip and zstd. */
export const compressedForms: Readonly<Record<LayerCompression, BlobForm>> = {
  gzip: { kind: "gzip", header: gzipHeader, level: 6 },
  zstd: { kind: "zstd", level: 3, checksum: true },
};

/** So much of both is compared for a guess; less is compared whole. */
export const guessBytes: number = 512 * 1024;

/** The compressors in this program: another version may give other bytes. */
export const compressors: string = ["zlib", "zstd"]
  .map((name) => `${name} ${process.versions[name] ?? process.versions["bun"] ?? ""}`)
  .join(", ");

/**
 * Guesses how the blob was compressed, from its first bytes and those of its tar; undefined when none of our
 * compressors produces such a start. A guess: the caller compresses all of it and compares.
 */
export async function guessForm(
  blobHead: Uint8Array,
  tar: { readonly head: Uint8Array; readonly isWhole: boolean; readonly countBytes: () => Promise<number> },
): Promise<BlobForm | undefined> {
  switch (detectCompression(blobHead)) {
    case "plain":
      return { kind: "plain" };
    case "gzip":
      return guessGzip(blobHead, tar.head);
    case "zstd":
      return await guessZstd(blobHead, tar);
  }
}

function guessGzip(blobHead: Uint8Array, tarHead: Uint8Array): BlobForm | undefined {
  const headerBytes = gzipHeaderBytes(blobHead);
  if (headerBytes === undefined) return undefined;
  const wanted = blobHead.subarray(headerBytes);
  for (let level = 1; level <= 9; level++) {
    const found = deflateRawSync(tarHead, { level });
    if (agree(found, wanted)) {
      return {
        kind: "gzip",
        header: Buffer.from(blobHead.subarray(0, headerBytes)).toString("base64"),
        level,
      };
    }
  }
  return undefined;
}

const mostZstdLevel = 19;

async function guessZstd(
  blobHead: Uint8Array,
  tar: { readonly head: Uint8Array; readonly isWhole: boolean; readonly countBytes: () => Promise<number> },
): Promise<BlobForm | undefined> {
  const descriptor = blobHead[4] ?? 0;
  const hasSize = descriptor >> 6 !== 0 || (descriptor & 0x20) !== 0;
  const checksum = (descriptor & 4) !== 0;
  const tarBytes = hasSize ? await tar.countBytes() : undefined;
  // The usual one first.
  for (const level of [3, ...Array.from({ length: mostZstdLevel }, (_, index) => index + 1)]) {
    const form: BlobForm = { kind: "zstd", level, checksum, tarBytes };
    const found: Uint8Array[] = [];
    for await (const piece of compressAs(form, once(tar.head), { isCut: !tar.isWhole })) found.push(piece);
    const made = Buffer.concat(found);
    if (agree(made.subarray(zstdHeaderBytes(made)), blobHead.subarray(zstdHeaderBytes(blobHead))))
      return form;
  }
  return undefined;
}

/** Whether they begin alike; what was made of the beginning of a tar ends differently. */
function agree(found: Uint8Array, wanted: Uint8Array): boolean {
  const least = Math.min(found.length, wanted.length);
  let same = 0;
  while (same < least && found[same] === wanted[same]) same++;
  return same >= least * 0.5 && same > 0;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** SPEC: RFC 1952, section 2.3; undefined when it is cut off. */
function gzipHeaderBytes(head: Uint8Array): number | undefined {
  const flags = head[3] ?? 0;
  let at = 10;
  if ((flags & 4) !== 0) at += 2 + (head[at] ?? 0) + (head[at + 1] ?? 0) * 256;
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const end = head.indexOf(0, at);
    if (end < 0) return undefined;
    at = end + 1;
  }
  if ((flags & 2) !== 0) at += 2;
  return at < head.length ? at : undefined;
}

/** SPEC: RFC 8878, section 3.1.1.1 */
function zstdHeaderBytes(head: Uint8Array): number {
  const descriptor = head[4] ?? 0;
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return 5 + (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes;
}

/** The tar in that form. `isCut`: the tar is only the beginning, and what has come by then is given. */
export async function* compressAs(
  form: BlobForm,
  tar: AsyncIterable<Uint8Array>,
  { isCut = false }: { readonly isCut?: boolean | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  switch (form.kind) {
    case "plain":
      yield* tar;
      return;
    case "gzip": {
      yield Buffer.from(form.header, "base64");
      let check = 0;
      let bytes = 0;
      const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        for await (const chunk of inBlocks(tar)) {
          check = crc32(chunk, check);
          bytes += chunk.length;
          yield chunk;
        }
      };
      yield* through(counted(), createDeflateRaw({ level: form.level, chunkSize: 256 * 1024 }));
      const trailer = Buffer.alloc(8);
      trailer.writeUInt32LE(check, 0);
      trailer.writeUInt32LE(bytes % 2 ** 32, 4);
      yield trailer;
      return;
    }
    case "zstd":
      yield* through(
        inBlocks(tar),
        createZstdCompress({
          params: {
            [constants.ZSTD_c_compressionLevel]: form.level,
            [constants.ZSTD_c_checksumFlag]: form.checksum ? 1 : 0,
          },
          pledgedSrcSize: isCut ? undefined : form.tarBytes,
        }),
      );
  }
}

const blockBytes = 256 * 1024;

/** The same bytes always in the same pieces: what both compressors give depends on where they end. */
async function* inBlocks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let block = Buffer.allocUnsafeSlow(blockBytes);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + blockBytes - filled);
      block.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < blockBytes) continue;
      yield block;
      block = Buffer.allocUnsafeSlow(blockBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

async function* through(
  chunks: AsyncIterable<Uint8Array>,
  transform: Transform,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = Readable.from(chunks, { objectMode: false });
  let failure: unknown;
  source.once("error", (thrown) => (failure = thrown));
  pipeline(source, transform, () => undefined); // what goes wrong comes out of the transform
  try {
    yield* bytesOf(transform);
  } catch (thrown) {
    throw failure ?? new Failure("internal", "cannot compress a blob", { cause: thrown });
  } finally {
    transform.destroy();
    source.destroy();
  }
}
