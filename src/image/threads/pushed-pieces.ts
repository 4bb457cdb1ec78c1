/** Buffers pushed pieces for a consumer that takes them one by one. */
export class PushedPieces implements AsyncIterable<Uint8Array> {
  readonly #onTaken: (bytes: number) => void;
  #waiting: Uint8Array[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: () => void = () => undefined;

  /** `onTaken` is called when a piece has been processed. */
  constructor(onTaken: (bytes: number) => void) {
    this.#onTaken = onTaken;
  }

  push(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#wake();
  }

  end(): void {
    this.#end ??= {};
    this.#wake();
  }

  /** The taker gets it in place of the next piece. */
  fail(error: unknown): void {
    this.#end = { error };
    this.#waiting = [];
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const piece = this.#waiting.shift();
      if (piece !== undefined) {
        const { length } = piece; // the consumer may transfer it
        yield piece;
        this.#onTaken(length);
      } else if (this.#end !== undefined) {
        if ("error" in this.#end) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}
