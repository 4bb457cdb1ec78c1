import { Failure } from "../base/failure.ts";

/** The streams of the multiplexed format, by the number in their frames; the last is Tare's own: see run-stream.ts. */
export type FrameStream = "stdin" | "stdout" | "stderr" | "systemerr" | "event";

export interface Frame {
  readonly stream: FrameStream;
  readonly bytes: Uint8Array;
}

export const rawStreamType = "application/vnd.docker.raw-stream";
export const multiplexedStreamType = "application/vnd.docker.multiplexed-stream";

const streams: readonly FrameStream[] = ["stdin", "stdout", "stderr", "systemerr", "event"];
export const frameHeaderBytes = 8;

/**
 * Writes the 8 bytes before a frame's data at `at` (stream, three zeros, length as 32 bits big-endian) and gives the
 * place after them.
 */
export function writeFrameHeader(
  target: Buffer,
  at: number,
  { stream, length }: { readonly stream: FrameStream; readonly length: number },
): number {
  target.writeUInt32BE(streams.indexOf(stream) * 0x1_00_00_00, at);
  return target.writeUInt32BE(length, at + 4);
}

export function encodeFrame(stream: FrameStream, bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + bytes.length);
  frame.set(bytes, writeFrameHeader(frame, 0, { stream, length: bytes.length }));
  return frame;
}

/**
 * Decodes the multiplexed format from chunks of any size. It passes data on immediately: a long frame yields several
 * chunks, so that memory use does not depend on the length in a header.
 */
export class FrameDecoder {
  readonly #header: Buffer = Buffer.alloc(frameHeaderBytes);
  #headerFilled = 0;
  #remaining = 0;
  #stream: FrameStream = "stdout";
  readonly #hasEvents: boolean;

  /** Docker's format has no events: there one is malformed. */
  constructor({ hasEvents = false }: { readonly hasEvents?: boolean | undefined } = {}) {
    this.#hasEvents = hasEvents;
  }

  /** False in the middle of a frame: the stream was cut. */
  get atBoundary(): boolean {
    return this.#headerFilled === 0 && this.#remaining === 0;
  }

  /** Throws Failure("corrupt") on a header that can't be one. */
  push(piece: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < piece.length) {
      if (this.#remaining === 0) at = this.#fillHeader(piece, at);
      else {
        const bytes = piece.subarray(at, at + this.#remaining);
        frames.push({ stream: this.#stream, bytes });
        at += bytes.length;
        this.#remaining -= bytes.length;
      }
    }
    return frames;
  }

  #fillHeader(piece: Uint8Array, at: number): number {
    const part = piece.subarray(at, at + frameHeaderBytes - this.#headerFilled);
    this.#header.set(part, this.#headerFilled);
    this.#headerFilled += part.length;
    if (this.#headerFilled === frameHeaderBytes) {
      const stream = streams[this.#header[0] ?? 255];
      const isKnown = stream !== undefined && (stream !== "event" || this.#hasEvents);
      if (!isKnown || this.#header.readUIntBE(1, 3) !== 0) {
        throw new Failure("corrupt", "cannot read the stream: a frame's header is malformed");
      }
      this.#stream = stream;
      this.#remaining = this.#header.readUInt32BE(4);
      this.#headerFilled = 0;
    }
    return at + part.length;
  }
}

/** The frames of a stream of bytes; Failure("corrupt") when it ends within one. */
export async function* decodeFrames(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Frame, void, undefined> {
  const decoder = new FrameDecoder();
  for await (const piece of pieces) yield* decoder.push(piece);
  if (!decoder.atBoundary) throw new Failure("corrupt", "cannot read the stream: it ends within a frame");
}
