import type { Duplex } from "node:stream";
import { bytesOf } from "../../base/byte-stream.ts";
import { endGently, writeTo } from "../../base/stream-writes.ts";
import { MultiplexedStream } from "./multiplexed-stream.ts";
import {
  encodeDataHead,
  encodeGoAway,
  encodePing,
  encodeReset,
  encodeSynReply,
  resetStatus,
  SpdyDecoder,
  SpdyError,
  type SpdyFrame,
} from "./spdy-frames.ts";
import { emptyBlock, HeaderReader } from "./spdy-headers.ts";

/** Two for each forwarded connection. */
const mostStreams = 1000;
/** So that streams take turns. */
const mostFrameBytes = 64 * 1024;

/** One stream that a client has opened. `end()` ends this side's half; destroying it before both have ended resets it. */
export class SpdyStream extends MultiplexedStream {
  readonly id: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly #socket: Duplex;
  #isReset = false;

  constructor(socket: Duplex, { id, headers }: Pick<SpdyStream, "id" | "headers">) {
    super();
    this.#socket = socket;
    this.id = id;
    this.headers = headers;
  }

  /** The client takes part in it no more. */
  cut(): void {
    this.#isReset = true;
    this.destroy();
  }

  override _write(bytes: Uint8Array, _: BufferEncoding, done: () => void): void {
    void this.#send(bytes).then(() => done());
  }

  override _final(done: () => void): void {
    this.#write(encodeDataHead(this.id, { length: 0, isLast: true }));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const isWhole = this.hasInputEnded && this.writableFinished;
    if (!isWhole && !this.#isReset) this.#write(encodeReset(this.id, resetStatus.cancel));
    super._destroy(error, done);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.destroyed; at += mostFrameBytes) {
      const piece = bytes.subarray(at, at + mostFrameBytes);
      this.#write(encodeDataHead(this.id, { length: piece.length, isLast: false }));
      await writeTo(this.#socket, piece);
    }
  }

  #write(bytes: Uint8Array): void {
    if (!this.#socket.destroyed && !this.#socket.writableEnded) this.#socket.write(bytes);
  }
}

/**
 * The server's end of a SPDY 3.1 connection as Kubernetes uses it: a few streams, opened by the client, without flow
 * control. Owns the socket.
 */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #onStream: (stream: SpdyStream) => void;
  readonly #streams = new Map<number, SpdyStream>();
  #lastStream = 0;
  #repliesSent = 0;
  #isClosing = false;

  constructor(socket: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#socket = socket;
    this.#onStream = onStream;
    socket.on("error", () => {});
    // Each stream waits for it.
    socket.setMaxListeners(mostStreams * 4);
    void this.#run();
  }

  /** The client gets what was written before. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    endGently(this.#socket, { last: encodeGoAway(this.#lastStream) });
  }

  async #run(): Promise<void> {
    using reader = new HeaderReader();
    const decoder = new SpdyDecoder();
    try {
      for await (const piece of bytesOf(this.#socket))
        for (const frame of decoder.push(piece)) await this.#take(frame, reader);
    } catch {
      // Malformed, or the socket failed: both end all.
    }
    this.#socket.destroy();
    for (const stream of this.#streams.values()) stream.cut();
  }

  async #take(frame: SpdyFrame, reader: HeaderReader): Promise<void> {
    switch (frame.kind) {
      case "syn-stream":
        this.#open(frame, await reader.read(frame.block));
        return;
      case "headers":
      case "syn-reply":
        // They have part in the compressed stream.
        await reader.read(frame.block);
        if (frame.isLast) this.#streams.get(frame.stream)?.endInput();
        return;
      case "data": {
        const stream = this.#streams.get(frame.stream);
        await stream?.receive(frame.bytes);
        if (frame.isLast) stream?.endInput();
        return;
      }
      case "reset":
        this.#streams.get(frame.stream)?.cut();
        return;
      case "ping":
        // SPEC: SPDY 3, 2.6.5: a client's are odd.
        if (frame.id % 2 === 1) await writeTo(this.#socket, encodePing(frame.id));
        return;
      case "go-away":
        return;
      default:
        frame satisfies never;
    }
  }

  #open(
    { stream: id, isLast }: { readonly stream: number; readonly isLast: boolean },
    headers: ReadonlyMap<string, string>,
  ): void {
    if (id % 2 === 0 || id <= this.#lastStream) throw new SpdyError(`stream ${id} cannot be opened`);
    this.#lastStream = id;
    if (this.#isClosing || this.#socket.writableEnded) return;
    if (this.#streams.size >= mostStreams) {
      this.#socket.write(encodeReset(id, resetStatus.refused));
      return;
    }
    this.#socket.write(encodeSynReply(id, emptyBlock(this.#repliesSent++ === 0)));
    const stream = new SpdyStream(this.#socket, { id, headers });
    this.#streams.set(id, stream);
    stream.once("close", () => this.#streams.delete(id));
    if (isLast) stream.endInput();
    this.#onStream(stream);
  }
}
