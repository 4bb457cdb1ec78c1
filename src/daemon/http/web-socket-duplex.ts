import { endGently, writeTo } from "../../base/stream-writes.ts";
import { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import {
  encodeClose,
  encodeWebSocketFrame,
  WebSocketDecoder,
  WebSocketError,
  type WebSocketPart,
} from "../../api/http/web-socket.ts";

/**
 * A client behind a WebSocket: reading gives the bytes of its messages, writing sends a frame for each piece. `end()`
 * closes with code 1000; the client's own closing, or a frame that is malformed, ends both directions. Owns the
 * connection: it is destroyed with this one. Each direction waits for the slower side, the answers to pings included.
 */
export class WebSocketDuplex extends Duplex {
  readonly #connection: Duplex;
  readonly #frames: "text" | "binary";
  readonly #decoder = new WebSocketDecoder();
  /** SPEC: RFC 6455, 5.6: each text message is UTF-8, so that a character is not cut. */
  readonly #characters = new StringDecoder("utf8");
  #isReading = true;
  #hasClosed = false;

  constructor(connection: Duplex, { frames }: { readonly frames: "text" | "binary" }) {
    super({ allowHalfOpen: true, autoDestroy: false });
    this.#connection = connection;
    this.#frames = frames;
    connection.on("error", () => {});
    connection.on("data", (piece: Uint8Array) => this.#take(piece));
    connection.on("end", () => this.#endInput());
    connection.on("close", () => this.destroy());
    connection.on("drain", () => this.#goOn());
    if (connection.readableEnded) this.#endInput();
    if (connection.destroyed) this.destroy();
  }

  override _read(): void {
    this.#isReading = true;
    this.#goOn();
  }

  override _write(piece: Uint8Array, _: BufferEncoding, done: () => void): void {
    const bytes = this.#frames === "binary" ? piece : Buffer.from(this.#characters.write(Buffer.from(piece)));
    if (this.#hasClosed || bytes.length === 0) return done();
    void writeTo(this.#connection, encodeWebSocketFrame(this.#frames, bytes)).then(() => done());
  }

  override _final(done: () => void): void {
    const rest = this.#characters.end();
    if (rest !== "" && !this.#hasClosed) {
      this.#connection.write(encodeWebSocketFrame(this.#frames, Buffer.from(rest)));
    }
    this.#close(encodeClose(1000));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#connection.destroy();
    done(error);
  }

  #goOn(): void {
    if (this.#isReading && !this.#connection.writableNeedDrain) this.#connection.resume();
  }

  #take(piece: Uint8Array): void {
    if (this.#hasClosed) return;
    let parts: readonly WebSocketPart[];
    try {
      parts = this.#decoder.push(piece);
    } catch (thrown) {
      if (!(thrown instanceof WebSocketError)) throw thrown;
      return this.#leave(encodeClose(thrown.code));
    }
    for (const part of parts) this.#use(part);
    if (this.#hasClosed || (this.#isReading && !this.#connection.writableNeedDrain)) return;
    this.#connection.pause();
  }

  #use(part: WebSocketPart): void {
    switch (part.kind) {
      case "data":
        if (!this.#hasClosed && !this.push(part.bytes)) this.#isReading = false;
        return;
      case "ping":
        if (!this.#hasClosed) this.#connection.write(encodeWebSocketFrame("pong", part.bytes));
        return;
      case "close":
        return this.#leave(encodeWebSocketFrame("close", part.bytes));
      default:
        return part satisfies never;
    }
  }

  #leave(last: Uint8Array): void {
    this.#close(last);
    this.#endInput();
  }

  #endInput(): void {
    if (!this.readableEnded && !this.destroyed) this.push(null);
    this.#close(encodeClose(1000));
  }

  #close(last: Uint8Array): void {
    if (this.#hasClosed) return;
    this.#hasClosed = true;
    endGently(this.#connection, { last });
  }
}
