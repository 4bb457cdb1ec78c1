import type { Socket } from "node:net";
import { Failure } from "../../base/failure.ts";

// native/plan.h: requests and answers.
const requestMagic = 0x51525454;
export const operation = { plan: 1, go: 2, watch: 3, attach: 4, resize: 5, closeStdin: 6 } as const;
export const answer = {
  failed: 1,
  barrier: 2,
  note: 3,
  running: 4,
  exit: 5,
  done: 6,
  refused: 7,
  born: 8,
  recorded: 9,
} as const;
const mostPayload = 64 * 1024;

export interface Frame {
  readonly kind: number;
  readonly payload: Buffer;
}

export function encodeRequest(name: keyof typeof operation, a = 0, b = 0): Buffer {
  const request = Buffer.alloc(16);
  request.writeUInt32LE(requestMagic, 0);
  request.writeUInt32LE(operation[name], 4);
  request.writeUInt32LE(a, 8);
  request.writeUInt32LE(b, 12);
  return request;
}

/** Reads a keeper's answers on one connection, frame by frame. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    socket.on("data", this.#take);
    socket.on("end", this.#end);
    socket.on("close", this.#end);
  }

  /** The next frame; undefined at the end of the connection. One caller at a time. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#parse();
      if (frame !== undefined) return frame;
      if (this.#ended) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  readonly #take = (chunk: Buffer): void => {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#wake?.();
  };

  readonly #end = (): void => {
    this.#ended = true;
    this.#wake?.();
  };

  #parse(): Frame | undefined {
    if (this.#bytes.length < 8) return undefined;
    const length = this.#bytes.readUInt32LE(0);
    if (length > mostPayload)
      throw new Failure("corrupt", `cannot read a keeper's answer of ${length} bytes`);
    if (this.#bytes.length < 8 + length) return undefined;
    const frame = { kind: this.#bytes.readUInt32LE(4), payload: this.#bytes.subarray(8, 8 + length) };
    this.#bytes = this.#bytes.subarray(8 + length);
    return frame;
  }
}

/**
 * Reads exactly one answer: later bytes stay in the socket, and no reader is attached yet (a later "data" listener
 * attaches one). Undefined at its end.
 */
export async function readFrame(socket: Socket): Promise<Frame | undefined> {
  const head = await readExactly(socket, 8);
  if (head === undefined) return undefined;
  const length = head.readUInt32LE(0);
  if (length > mostPayload) throw new Failure("corrupt", `cannot read a keeper's answer of ${length} bytes`);
  const payload = length === 0 ? Buffer.alloc(0) : await readExactly(socket, length);
  return payload === undefined ? undefined : { kind: head.readUInt32LE(4), payload };
}

async function readExactly(socket: Socket, bytes: number): Promise<Buffer | undefined> {
  for (;;) {
    const got: Buffer | null = socket.read(bytes);
    if (got !== null) return got.length === bytes ? got : undefined;
    if (socket.readableEnded || socket.destroyed) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    for (const event of ["readable", "end", "close"]) socket.on(event, wake);
    await promise;
    for (const event of ["readable", "end", "close"]) socket.off(event, wake);
  }
}
