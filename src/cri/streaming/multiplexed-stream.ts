import { Duplex } from "node:stream";

/** What a stream holds that nothing reads, before the whole connection waits. */
const bufferedBytes = 64 * 1024;

/** One of several streams of a connection, which pass on what the client sends in the order in which it comes. */
export abstract class MultiplexedStream extends Duplex {
  #onRead: () => void = () => {};
  #hasInputEnded = false;

  constructor() {
    super({ readableHighWaterMark: bufferedBytes, writableHighWaterMark: bufferedBytes });
    this.on("error", () => {});
  }

  /** The client sends no more in it. */
  get hasInputEnded(): boolean {
    return this.#hasInputEnded;
  }

  /** Resolves when more can be taken. */
  async receive(bytes: Uint8Array): Promise<void> {
    if (this.destroyed || this.#hasInputEnded || bytes.length === 0 || this.push(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#onRead = resolve;
    });
  }

  endInput(): void {
    if (this.#hasInputEnded || this.destroyed) return;
    this.#hasInputEnded = true;
    this.push(null);
  }

  override _read(): void {
    this.#onRead();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#onRead();
    done(error);
  }
}
