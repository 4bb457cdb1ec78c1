/** What a peer did wrong; the connection is to be closed. */
export class SpdyError extends Error {}

/** A frame that ends or opens something, or a piece of data as it comes: a long data frame yields several. */
export type SpdyFrame =
  | {
      readonly kind: "syn-stream" | "syn-reply" | "headers";
      readonly stream: number;
      /** The sender sends no more in the stream. */
      readonly isLast: boolean;
      /** Compressed. */
      readonly block: Uint8Array;
    }
  | { readonly kind: "data"; readonly stream: number; readonly bytes: Uint8Array; readonly isLast: boolean }
  | { readonly kind: "reset"; readonly stream: number; readonly status: number }
  | { readonly kind: "ping"; readonly id: number }
  | { readonly kind: "go-away" };

/** SPEC: SPDY 3, 2.6: types of control frames. Those of no use here are skipped, as the specification wants. */
const types = { synStream: 1, synReply: 2, reset: 3, ping: 6, goAway: 7, headers: 8 } as const;
const versionThree = 0x8003;
const flagFin = 1;
const headBytes = 8;
/** Header blocks hold a few words; more is an attack. */
const mostControlBytes = 32 * 1024;

/** SPEC: SPDY 3, 2.6.3. */
export const resetStatus = { protocolError: 1, refused: 3, cancel: 5 } as const;

/** Decodes a peer's frames from pieces of any size. Memory use does not depend on a length in a frame's head. */
export class SpdyDecoder {
  readonly #head = Buffer.alloc(headBytes);
  #headFilled = 0;
  #remaining = 0;
  #isControl = false;
  #body: Uint8Array[] = [];

  /** Throws SpdyError on what can't be a frame. */
  push(piece: Uint8Array): SpdyFrame[] {
    const frames: SpdyFrame[] = [];
    let at = 0;
    while (at < piece.length) {
      if (this.#headFilled < headBytes) {
        const part = piece.subarray(at, at + headBytes - this.#headFilled);
        this.#head.set(part, this.#headFilled);
        this.#headFilled += part.length;
        at += part.length;
        if (this.#headFilled < headBytes) break;
        this.#begin();
        if (this.#remaining > 0) continue;
      }
      const bytes = piece.subarray(at, at + this.#remaining);
      at += bytes.length;
      this.#remaining -= bytes.length;
      this.#take(bytes, frames);
    }
    return frames;
  }

  #begin(): void {
    this.#isControl = (this.#head[0] ?? 0) >= 0x80;
    this.#remaining = this.#head.readUIntBE(5, 3);
    if (!this.#isControl) return;
    const version = this.#head.readUInt16BE(0);
    if (version !== versionThree) throw new SpdyError(`version ${version & 0x7f_ff} of SPDY is not 3`);
    if (this.#remaining > mostControlBytes) {
      throw new SpdyError(`a control frame has ${this.#remaining} bytes, more than ${mostControlBytes}`);
    }
  }

  #take(bytes: Uint8Array, frames: SpdyFrame[]): void {
    const isWhole = this.#remaining === 0;
    if (this.#isControl) {
      this.#body.push(bytes);
      if (!isWhole) return;
      const frame = this.#decodeControl(Buffer.concat(this.#body));
      this.#body = [];
      if (frame !== undefined) frames.push(frame);
    } else {
      const isLast = isWhole && (this.#head[4] ?? 0) % 2 === flagFin;
      frames.push({
        kind: "data",
        stream: this.#head.readUInt32BE(0),
        bytes: Uint8Array.from(bytes),
        isLast,
      });
    }
    if (isWhole) this.#headFilled = 0;
  }

  #decodeControl(body: Buffer): SpdyFrame | undefined {
    const isLast = (this.#head[4] ?? 0) % 2 === flagFin;
    const need = (bytes: number): void => {
      if (body.length < bytes) throw new SpdyError(`a control frame has ${body.length} bytes, too few`);
    };
    switch (this.#head.readUInt16BE(2)) {
      case types.synStream:
        need(10);
        return { kind: "syn-stream", stream: streamOf(body), isLast, block: body.subarray(10) };
      case types.synReply:
        need(4);
        return { kind: "syn-reply", stream: streamOf(body), isLast, block: body.subarray(4) };
      case types.headers:
        need(4);
        return { kind: "headers", stream: streamOf(body), isLast, block: body.subarray(4) };
      case types.reset:
        need(8);
        return { kind: "reset", stream: streamOf(body), status: body.readUInt32BE(4) };
      case types.ping:
        need(4);
        return { kind: "ping", id: body.readUInt32BE(0) };
      case types.goAway:
        return { kind: "go-away" };
      default:
        return undefined;
    }
  }
}

function streamOf(body: Buffer): number {
  return body.readUInt32BE(0) & 0x7f_ff_ff_ff;
}

/** The head of a data frame; its bytes follow. */
export function encodeDataHead(
  stream: number,
  { length, isLast }: { length: number; isLast: boolean },
): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(stream, 0);
  head.writeUInt8(isLast ? flagFin : 0, 4);
  head.writeUIntBE(length, 5, 3);
  return head;
}

export function encodeSynReply(stream: number, block: Uint8Array): Buffer {
  return encodeControl(types.synReply, [stream], block);
}

export function encodeReset(stream: number, status: number): Buffer {
  return encodeControl(types.reset, [stream, status]);
}

export function encodePing(id: number): Buffer {
  return encodeControl(types.ping, [id]);
}

/** `last`: the last stream of the peer that was accepted. */
export function encodeGoAway(last: number): Buffer {
  return encodeControl(types.goAway, [last, 0]);
}

function encodeControl(type: number, words: readonly number[], rest: Uint8Array = new Uint8Array()): Buffer {
  const length = words.length * 4 + rest.length;
  const frame = Buffer.alloc(headBytes + length);
  frame.writeUInt16BE(versionThree, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUIntBE(length, 5, 3);
  for (const [index, word] of words.entries()) frame.writeUInt32BE(word, headBytes + index * 4);
  frame.set(rest, headBytes + words.length * 4);
  return frame;
}
