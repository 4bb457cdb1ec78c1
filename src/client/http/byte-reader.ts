import type { ClientSocket } from "./socket.ts";

/** Reads a socket piece by piece, pausing it in between, until it is given back for something else. */
export class ByteReader {
  readonly #socket: ClientSocket;
  readonly #pieces: Buffer[] = [];
  #end: { readonly error?: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: ClientSocket) {
    this.#socket = socket;
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onEnd);
    socket.on("error", this.#onError);
  }

  /** True when the peer will send no more and all was read. */
  get ended(): boolean {
    return this.#end !== undefined && this.#pieces.length === 0;
  }

  /** Whether the buffer contains unread data. */
  get buffered(): boolean {
    return this.#pieces.length > 0;
  }

  /** The next piece; undefined at the end. Throws the socket's error. One reader at a time. */
  async read(): Promise<Buffer | undefined> {
    while (this.#pieces.length === 0) {
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return undefined;
      this.#socket.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#pieces.shift();
  }

  /** Puts back what was read too much. */
  unread(piece: Buffer): void {
    if (piece.length > 0) this.#pieces.unshift(piece);
  }

  /** Lets go of the socket, paused, with what was not read put back into it. */
  release(): ClientSocket {
    this.#socket.pause();
    this.#socket.off("data", this.#onData);
    this.#socket.off("end", this.#onEnd);
    this.#socket.off("close", this.#onEnd);
    this.#socket.off("error", this.#onError);
    for (const piece of this.#pieces.splice(0).reverse()) this.#socket.unshift(piece);
    return this.#socket;
  }

  readonly #onData = (piece: Buffer): void => {
    this.#pieces.push(piece);
    this.#socket.pause();
    this.#notify();
  };

  readonly #onEnd = (): void => {
    this.#end ??= {};
    this.#notify();
  };

  readonly #onError = (error: Error): void => {
    this.#end = { error };
    this.#notify();
  };

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
