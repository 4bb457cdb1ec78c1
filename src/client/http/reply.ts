import { Failure } from "../../base/failure.ts";
import type { ByteReader } from "./byte-reader.ts";
import { ChunkedDecoder } from "./chunked-decoder.ts";
import type { Framing, ResponseHead } from "./response-head.ts";
import type { ClientSocket } from "./socket.ts";

/**
 * A reply whose body has not been read yet. Read it to its end, or dispose() it: only then is the connection free
 * (for the next request, or closed).
 */
export class HttpReply implements Disposable {
  readonly head: ResponseHead;
  readonly #reader: ByteReader;
  readonly #finish: (reusable: boolean) => void;
  #body: Body;
  #finished = false;

  constructor(
    head: ResponseHead,
    framing: Framing,
    { reader, finish }: { readonly reader: ByteReader; readonly finish: (reusable: boolean) => void },
  ) {
    this.head = head;
    this.#reader = reader;
    this.#finish = finish;
    this.#body = bodyOf(framing);
    if (this.#body.kind === "ended") this.#end(head.status !== 101 && head.keepAlive);
  }

  get status(): number {
    return this.head.status;
  }

  header(name: string): string | undefined {
    return this.head.headers.get(name.toLowerCase());
  }

  /** The body's next piece; undefined at its end. Throws Failure("unavailable") when the connection breaks before. */
  async read(): Promise<Buffer | undefined> {
    while (this.#body.kind !== "ended") {
      const piece = await this.#next();
      if (piece === undefined) {
        const whole = this.#body.kind === "until-close";
        this.#end(false);
        if (whole) return undefined;
        throw new Failure(
          "unavailable",
          "cannot read the daemon's reply: the connection closed before its end",
        );
      }
      const data = this.#take(this.#body, piece);
      if (data.length > 0) return data;
    }
    return undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (let piece = await this.read(); piece !== undefined; piece = await this.read()) yield piece;
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** The whole body as text. Failure("exhausted") above the limit. */
  async text(limitBytes: number = 256 * 1024 * 1024): Promise<string> {
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of this) {
      size += piece.length;
      if (size > limitBytes) {
        throw new Failure(
          "exhausted",
          `cannot read the daemon's reply: it is longer than ${limitBytes} bytes`,
        );
      }
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString("utf8");
  }

  /** The bare connection, what was already received included; the caller destroys it. Its errors show as "close". */
  hijack(): ClientSocket {
    this.#finished = true;
    const socket = this.#reader.release();
    socket.on("error", () => {});
    // A stream that was explicitly paused stays paused when a listener is added; a fresh stream flows.
    const onListener = (name: string | symbol): void => {
      if (name !== "data") return;
      socket.off("newListener", onListener);
      queueMicrotask(() => socket.resume());
    };
    socket.on("newListener", onListener);
    return socket;
  }

  /** Closes the connection unless the body was read to its end. */
  [Symbol.dispose](): void {
    if (!this.#finished) this.#end(false);
  }

  async #next(): Promise<Buffer | undefined> {
    try {
      return await this.#reader.read();
    } catch (thrown) {
      this.#end(false);
      if (thrown instanceof Failure) throw thrown;
      throw new Failure("unavailable", "cannot read the daemon's reply: the connection broke", {
        cause: thrown,
      });
    }
  }

  #take(body: Exclude<Body, { kind: "ended" }>, piece: Buffer): Buffer {
    switch (body.kind) {
      case "until-close":
        return piece;
      case "length": {
        const data = piece.subarray(0, body.remaining);
        body.remaining -= data.length;
        if (body.remaining === 0) this.#endAt(piece.subarray(data.length));
        return data;
      }
      case "chunked": {
        const data = this.#decode(body.decoder, piece);
        if (body.decoder.done) this.#endAt(body.decoder.rest);
        const [first] = data;
        return data.length === 1 && first !== undefined ? first : Buffer.concat(data);
      }
      default:
        return body satisfies never;
    }
  }

  #decode(decoder: ChunkedDecoder, piece: Buffer): Buffer[] {
    try {
      return decoder.push(piece);
    } catch (thrown) {
      this.#end(false);
      throw thrown;
    }
  }

  #endAt(rest: Buffer | undefined): void {
    // Bytes after the end belong to no request of ours: such a connection is not used again.
    this.#end(this.head.keepAlive && (rest === undefined || rest.length === 0));
  }

  #end(reusable: boolean): void {
    this.#body = { kind: "ended" };
    if (this.#finished || this.head.status === 101) return;
    this.#finished = true;
    this.#finish(reusable);
  }
}

type Body =
  | { readonly kind: "ended" }
  | { readonly kind: "until-close" }
  | { readonly kind: "length"; remaining: number }
  | { readonly kind: "chunked"; readonly decoder: ChunkedDecoder };

function bodyOf(framing: Framing): Body {
  switch (framing.kind) {
    case "none":
      return { kind: "ended" };
    case "length":
      return framing.bytes === 0 ? { kind: "ended" } : { kind: "length", remaining: framing.bytes };
    case "chunked":
      return { kind: "chunked", decoder: new ChunkedDecoder() };
    case "until-close":
      return { kind: "until-close" };
    default:
      return framing satisfies never;
  }
}
