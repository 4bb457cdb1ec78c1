import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { constants, createDeflate, type Deflate } from "node:zlib";
import { dictionary, HeaderReader } from "../../src/cri/streaming/spdy-headers.ts";
import { SpdyDecoder, type SpdyFrame } from "../../src/cri/streaming/spdy-frames.ts";

/** One stream as the client sees it. */
export interface ClientStream {
  readonly id: number;
  /** What the server has sent. */
  readonly text: () => string;
  readonly write: (bytes: string | Uint8Array) => void;
  readonly end: () => void;
  readonly reset: () => void;
  /** Resolves when the server has ended its half, with what it sent; "reset" when it has reset the stream. */
  readonly ended: Promise<string>;
}

function control(type: number, body: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A client's end of a SPDY connection, with headers as Kubernetes' client compresses them. */
export class SpdyClient {
  readonly socket: Socket;
  /** The answer to the request, with its fields. */
  readonly answer: string;
  readonly frames: SpdyFrame[] = [];
  readonly #deflate: Deflate = createDeflate({ dictionary });
  readonly #streams = new Map<number, { text: string; end: (text: string) => void }>();
  readonly #reader = new HeaderReader();
  readonly #decoder = new SpdyDecoder();
  readonly #waiters: (() => void)[] = [];
  #next = 1;
  #opening: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket, answer: string) {
    this.socket = socket;
    this.answer = answer;
    socket.on("data", (piece: Buffer) => this.#take(piece));
    socket.on("error", () => {});
  }

  /** Asks for the change of protocol at an address; the connection has changed when `answer` begins with 101. */
  static async open(
    address: string,
    protocols: readonly string[] = ["v4.channel.k8s.io"],
  ): Promise<SpdyClient> {
    const { hostname, port, pathname } = new URL(address);
    const socket = connect(Number(port), hostname);
    const fields = protocols.map((each) => `X-Stream-Protocol-Version: ${each}\r\n`).join("");
    socket.write(
      `POST ${pathname} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${fields}\r\n`,
    );
    let read = "";
    while (!read.includes("\r\n\r\n")) {
      const [piece] = (await once(socket, "data")) as [Buffer];
      read += piece.toString("latin1");
    }
    return new SpdyClient(socket, read);
  }

  /** Opens one stream after another: their headers are one compressed stream. */
  async stream(headers: Readonly<Record<string, string>>): Promise<ClientStream> {
    const opened = this.#opening.then(() => this.#open(headers));
    this.#opening = opened;
    return await opened;
  }

  async #open(headers: Readonly<Record<string, string>>): Promise<ClientStream> {
    const id = this.#next;
    this.#next += 2;
    const block = await this.#compress(headers);
    let end = (_text: string): void => {};
    const ended = new Promise<string>((resolve) => (end = resolve));
    const state = { text: "", end };
    this.#streams.set(id, state);
    this.socket.write(control(1, Buffer.concat([word(id), word(0), Buffer.from([0, 0]), block])));
    const data = (bytes: string | Uint8Array, flags: number): void => {
      const body = Buffer.from(bytes);
      const head = Buffer.alloc(8);
      head.writeUInt32BE(id, 0);
      head.writeUInt8(flags, 4);
      head.writeUIntBE(body.length, 5, 3);
      this.socket.write(Buffer.concat([head, body]));
    };
    return {
      id,
      ended,
      text: () => state.text,
      write: (bytes) => data(bytes, 0),
      end: () => data("", 1),
      reset: () => void this.socket.write(control(3, Buffer.concat([word(id), word(5)]))),
    };
  }

  ping(id: number): void {
    this.socket.write(control(6, word(id)));
  }

  /** Resolves when a frame has come that the test wants. */
  async frame(isWanted: (frame: SpdyFrame) => boolean): Promise<void> {
    while (!this.frames.some(isWanted)) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #take(piece: Buffer): void {
    for (const frame of this.#decoder.push(piece)) {
      this.frames.push(frame);
      if (frame.kind === "syn-reply") void this.#reader.read(frame.block);
      if (frame.kind === "reset") this.#streams.get(frame.stream)?.end("reset");
      if (frame.kind === "data") {
        const stream = this.#streams.get(frame.stream);
        if (stream === undefined) continue;
        stream.text += Buffer.from(frame.bytes).toString();
        if (frame.isLast) stream.end(stream.text);
      }
    }
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async #compress(headers: Readonly<Record<string, string>>): Promise<Buffer> {
    const entries = Object.entries(headers);
    const block = Buffer.concat([
      word(entries.length),
      ...entries.flatMap(([name, value]) => [
        word(name.length),
        Buffer.from(name),
        word(value.length),
        Buffer.from(value),
      ]),
    ]);
    const pieces: Buffer[] = [];
    const take = (piece: Buffer): void => void pieces.push(piece);
    this.#deflate.on("data", take);
    this.#deflate.write(block);
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    this.#deflate.off("data", take);
    return Buffer.concat(pieces);
  }
}
