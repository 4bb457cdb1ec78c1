import { Duplex } from "node:stream";

/** A stream that its user has before the process is there that it will be joined to. */
export class DeferredDuplex extends Duplex {
  #inner: Duplex | undefined;
  #write: (() => void) | undefined;
  #final: (() => void) | undefined;
  #drained: (() => void) | undefined;
  #isOver = false;

  constructor() {
    super({ allowHalfOpen: true });
    // After a failed start its user has no listener any more; a remaining reader sees it close.
    this.on("error", () => {});
  }

  /**
   * Joins both directions; what was written before is delivered now. The reader gets the end of `inner` only after
   * `endsAfter` has resolved, which must not reject.
   */
  join(inner: Duplex, { endsAfter }: { readonly endsAfter?: Promise<unknown> | undefined } = {}): void {
    if (this.destroyed) {
      inner.destroy();
      return;
    }
    this.#inner = inner;
    inner.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) inner.pause();
    });
    const end = (): void => {
      if (endsAfter === undefined) this.#endReading();
      else void endsAfter.then(() => this.#endReading());
    };
    inner.once("end", end);
    inner.once("close", end);
    inner.on("error", (error) => this.destroy(error));
    this.#write?.();
    this.#final?.();
  }

  /** Passes bytes to the reader, and waits until its buffer has space. */
  async give(bytes: Uint8Array): Promise<void> {
    if (this.destroyed || this.push(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Nothing will come: the reader gets its end, the writer is not held up. */
  abandon(): void {
    this.#endReading();
    const [write, final] = [this.#write, this.#final];
    this.#write = undefined;
    this.#final = undefined;
    write?.();
    final?.();
  }

  override _read(): void {
    this.#drained?.();
    this.#drained = undefined;
    this.#inner?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#isOver) return done(); // The reader is gone.
    const deliver = (): void => {
      this.#write = undefined;
      const inner = this.#inner;
      if (inner === undefined || inner.writableEnded || inner.destroyed) return done();
      if (inner.write(chunk)) return done();
      const settle = (): void => {
        inner.off("drain", settle);
        inner.off("close", settle);
        done();
      };
      inner.on("drain", settle);
      inner.on("close", settle);
    };
    if (this.#inner === undefined) this.#write = deliver;
    else deliver();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#isOver) return done();
    const deliver = (): void => {
      this.#final = undefined;
      this.#inner?.end();
      done();
    };
    if (this.#inner === undefined) this.#final = deliver;
    else deliver();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inner?.destroy();
    this.#drained?.();
    this.abandon();
    done(error);
  }

  #endReading(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.destroyed) this.push(null);
  }
}
