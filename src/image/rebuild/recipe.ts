import { open } from "node:fs/promises";
import { Failure } from "../../base/failure.ts";
import { decodeBytes, encodeBytes } from "../../spec/byte-text.ts";
import type { TarPiece } from "../../spec/tar-splitter.ts";
import { fileChunks } from "../blobs/file-chunks.ts";
import { decompress } from "../streams/compression.ts";

const mostPathBytes = 65_536;
/** A record's first line, before the recipe. */
export const mostHeadBytes: number = 65_536;

/** The recipe in a record of a blob that was dropped, inflated. */
export async function* readRecipe(recordPath: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(recordPath, "r");
  let head: number;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostHeadBytes), 0, mostHeadBytes, 0);
    head = buffer.subarray(0, bytesRead).indexOf(0x0a) + 1;
  } finally {
    await file.close();
  }
  yield* decompress(fileChunks(recordPath, head));
}

/** A piece as in a recipe: what kind and how long as one number, then the bytes, or the name's length and the name. */
export function encodePiece(piece: TarPiece): readonly Uint8Array[] {
  if (piece.kind === "raw") return [encodeNumber(piece.bytes.length * 2), piece.bytes];
  const path = encodeBytes(piece.path);
  return [encodeNumber(piece.bytes * 2 + 1), encodeNumber(path.length), path];
}

/** Base 128, the lowest seven bits first. */
function encodeNumber(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Uint8Array.from([...bytes, left]);
    bytes.push((left % 128) + 128);
  }
}

/** Decodes the pieces of a recipe; a raw piece may arrive in several chunks. Throws "corrupt". */
export async function* decodePieces(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<TarPiece, void, undefined> {
  const bytes = new Bytes(chunks);
  for (;;) {
    if (await bytes.isAtEnd()) return;
    const head = await bytes.number();
    const length = Math.floor(head / 2);
    if (head % 2 === 1) {
      const pathBytes = await bytes.number();
      if (pathBytes > mostPathBytes) throw damaged();
      const parts: Uint8Array[] = [];
      for await (const part of bytes.take(pathBytes)) parts.push(part);
      yield { kind: "file", path: decodeBytes(Buffer.concat(parts)), bytes: length };
    } else {
      for await (const part of bytes.take(length)) yield { kind: "raw", bytes: part };
    }
  }
}

/** Bytes of chunks of any size, by count. */
class Bytes {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#source = chunks[Symbol.asyncIterator]();
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return true;
      this.#chunk = next.value;
    }
    return false;
  }

  async number(): Promise<number> {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (scale > 2 ** 49 || (await this.isAtEnd())) throw damaged();
      const byte = this.#chunk[0] ?? 0;
      this.#chunk = this.#chunk.subarray(1);
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }

  async *take(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = length; left > 0; ) {
      if (await this.isAtEnd()) throw damaged();
      const part = this.#chunk.subarray(0, Math.min(left, this.#chunk.length));
      this.#chunk = this.#chunk.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
}

function damaged(): Failure {
  return new Failure("corrupt", "cannot rebuild a blob: the record of its archive is damaged");
}
