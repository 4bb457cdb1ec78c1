import { createHash } from "node:crypto";
import { Failure } from "../../base/failure.ts";

/** SPEC: RFC 6455, 5.2: the opcodes in use. */
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** SPEC: RFC 6455, 7.4.1: the reasons to close that are sent here. */
export type CloseCode = 1000 | 1002 | 1009;

export type WebSocketPart =
  /** Bytes of a message, as they come: a long frame yields several. `isFirst`: a message begins with them. */
  | { readonly kind: "data"; readonly bytes: Uint8Array; readonly isFirst: boolean }
  | { readonly kind: "ping"; readonly bytes: Uint8Array }
  /** The client closes; nothing follows. The bytes are to be sent back. */
  | { readonly kind: "close"; readonly bytes: Uint8Array };

/** What a client did wrong, and the code to close the connection with. */
export class WebSocketError extends Error {
  readonly code: CloseCode;

  constructor(code: CloseCode, message: string) {
    super(message);
    this.code = code;
  }
}

const controlLimitBytes = 125;
const frameLimitBytes = 1024 * 1024 * 1024;
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * The fields of the reply that changes the protocol. Throws Failure("invalid") when the request, of which `header` gives
 * the fields by lower-case name, is no opening handshake.
 * SPEC: RFC 6455, 4.2.
 */
export function acceptWebSocket(
  header: (name: string) => string | undefined,
): Readonly<Record<string, string>> {
  const has = (name: string, token: string): boolean =>
    (header(name) ?? "").split(",").some((each) => each.trim().toLowerCase() === token);
  if (!has("upgrade", "websocket") || !has("connection", "upgrade")) {
    throw refuse('the request has no "Connection: Upgrade" with "Upgrade: websocket"');
  }
  const version = header("sec-websocket-version");
  if (version !== "13") throw refuse("the version of the protocol must be 13");
  const key = header("sec-websocket-key") ?? "";
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) throw refuse("Sec-WebSocket-Key must be 16 bytes in base64");
  const [protocol = "", ...others] = (header("sec-websocket-protocol") ?? "")
    .split(",")
    .map((each) => each.trim());
  if (others.length > 0) throw refuse("it offers several subprotocols; offer one or none");
  return {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Accept": createHash("sha1").update(`${key}${acceptSuffix}`).digest("base64"),
    ...(protocol === "" ? {} : { "Sec-WebSocket-Protocol": protocol }),
  };
}

function refuse(why: string): Failure {
  return new Failure("invalid", `cannot open a WebSocket: ${why}`);
}

/** One whole unmasked frame, as servers send them. */
export function encodeWebSocketFrame(
  kind: "text" | "binary" | "close" | "ping" | "pong",
  bytes: Uint8Array,
): Buffer {
  const { length } = bytes;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.allocUnsafe(2 + extended + length);
  frame[0] = 0x80 | opcodes[kind];
  frame[1] = extended === 0 ? length : extended === 2 ? 126 : 127;
  if (extended === 2) frame.writeUInt16BE(length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(bytes, 2 + extended);
  return frame;
}

export function encodeClose(code: CloseCode): Buffer {
  return encodeWebSocketFrame("close", Uint8Array.of(code >> 8, code & 0xff));
}

/**
 * Decodes a client's frames from pieces of any size. It passes data on immediately, so that memory use does not depend
 * on the length in a header or on the number of fragments.
 */
export class WebSocketDecoder {
  readonly #head: Buffer = Buffer.alloc(14);
  #headFilled = 0;
  #remaining = 0;
  #opcode = 0;
  #maskAt = 0;
  /** A message has begun whose last fragment has not come. */
  #isWithinMessage = false;
  /** Nothing of the message has come yet. */
  #isFirst = true;
  #control: Uint8Array[] = [];
  #isClosed = false;

  /** Throws WebSocketError on a frame that can't be one; the connection is to be closed then. */
  push(piece: Uint8Array): WebSocketPart[] {
    const parts: WebSocketPart[] = [];
    let at = 0;
    while (at < piece.length && !this.#isClosed) {
      if (this.#headFilled < this.#headLength()) {
        this.#head[this.#headFilled++] = piece[at++] ?? 0;
        if (this.#headFilled === 2) this.#check();
        if (this.#headFilled === this.#headLength()) this.#begin();
        if (this.#headFilled < this.#headLength() || this.#remaining > 0) continue;
      } else {
        const bytes = this.#unmask(piece.subarray(at, at + this.#remaining));
        at += bytes.length;
        this.#remaining -= bytes.length;
        if (this.#opcode >= opcodes.close) this.#control.push(bytes);
        else {
          parts.push({ kind: "data", bytes, isFirst: this.#isFirst });
          this.#isFirst = false;
        }
        if (this.#remaining > 0) continue;
      }
      this.#finish(parts);
    }
    return parts;
  }

  #headLength(): number {
    if (this.#headFilled < 2) return 2;
    const length = (this.#head[1] ?? 0) & 0x7f;
    return 6 + (length === 126 ? 2 : length === 127 ? 8 : 0);
  }

  /** Looks at the first two bytes. */
  #check(): void {
    const first = this.#head[0] ?? 0;
    const second = this.#head[1] ?? 0;
    this.#opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw broken("a reserved bit is set");
    if ((second & 0x80) === 0) throw broken("a client's frame is not masked");
    if (this.#opcode < opcodes.close) return this.#checkData();
    if (this.#opcode > opcodes.pong) throw broken(`opcode ${this.#opcode} is reserved`);
    if ((first & 0x80) === 0) throw broken("a control frame is fragmented");
    if ((second & 0x7f) > controlLimitBytes) throw broken("a control frame is longer than 125 bytes");
  }

  #checkData(): void {
    if (this.#opcode > opcodes.binary) throw broken(`opcode ${this.#opcode} is reserved`);
    if ((this.#opcode === opcodes.continuation) !== this.#isWithinMessage) {
      throw broken(this.#isWithinMessage ? "a message begins within another" : "no message continues");
    }
    if (this.#opcode !== opcodes.continuation) this.#isFirst = true;
  }

  #begin(): void {
    const kind = (this.#head[1] ?? 0) & 0x7f;
    const length =
      kind < 126 ? kind : kind === 126 ? this.#head.readUInt16BE(2) : Number(this.#head.readBigUInt64BE(2));
    if (length > frameLimitBytes) throw new WebSocketError(1009, "a frame is longer than 1 GiB");
    this.#remaining = length;
    this.#maskAt = 0;
  }

  #unmask(bytes: Uint8Array): Uint8Array {
    const mask = this.#head.subarray(this.#headFilled - 4, this.#headFilled);
    const clear = Uint8Array.from(bytes);
    for (let i = 0; i < clear.length; i++) {
      clear[i] = (clear[i] ?? 0) ^ (mask[(this.#maskAt + i) & 3] ?? 0);
    }
    this.#maskAt = (this.#maskAt + clear.length) & 3;
    return clear;
  }

  #finish(parts: WebSocketPart[]): void {
    const bytes = Buffer.concat(this.#control);
    this.#control = [];
    this.#headFilled = 0;
    switch (this.#opcode) {
      case opcodes.ping:
        return void parts.push({ kind: "ping", bytes });
      case opcodes.pong:
        return;
      case opcodes.close:
        this.#isClosed = true;
        checkClose(bytes);
        return void parts.push({ kind: "close", bytes });
      default:
        this.#isWithinMessage = ((this.#head[0] ?? 0) & 0x80) === 0;
    }
  }
}

/** SPEC: RFC 6455, 7.4: codes that may be sent. */
function checkClose(bytes: Buffer): void {
  if (bytes.length === 0) return;
  const code = bytes.length === 1 ? 0 : bytes.readUInt16BE(0);
  const isSent = (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || isPrivate(code);
  if (!isSent) throw broken(`${code} is no code to close with`);
}

function isPrivate(code: number): boolean {
  return code >= 3000 && code <= 4999;
}

function broken(why: string): WebSocketError {
  return new WebSocketError(1002, why);
}
