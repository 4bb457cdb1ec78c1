import { type FrameStream, frameHeaderBytes, writeFrameHeader } from "../../spec/stream-frames.ts";
import type { Reply } from "./reply.ts";

/** A write's size: small enough to wait little, large enough that a write a line is no cost. */
const pageBytes = 128 * 1024;

/**
 * Collects small pieces of output into large writes: what is there goes out when a page is full, or as soon as nothing
 * more is ready. Pieces are framed unless they are a terminal's.
 */
export class FrameWriter {
  readonly #target: Pick<Reply, "write">;
  readonly #isFramed: boolean;
  #page: Buffer = Buffer.allocUnsafeSlow(pageBytes);
  #used = 0;
  #isScheduled = false;

  constructor(target: Pick<Reply, "write">, { isFramed }: { readonly isFramed: boolean }) {
    this.#target = target;
    this.#isFramed = isFramed;
  }

  /** Returns a promise only when the caller has to wait for the client. */
  write(stream: FrameStream, bytes: Uint8Array, prefix?: Uint8Array): Promise<void> | undefined {
    const length = bytes.length + (prefix?.length ?? 0);
    const needed = length + (this.#isFramed ? frameHeaderBytes : 0);
    let waiting: Promise<void> | undefined;
    if (needed > pageBytes - this.#used) {
      waiting = this.flush();
      if (needed > pageBytes) this.#page = Buffer.allocUnsafeSlow(needed);
    }
    if (this.#isFramed) this.#used = writeFrameHeader(this.#page, this.#used, { stream, length });
    if (prefix !== undefined) this.#put(prefix);
    this.#put(bytes);
    if (!this.#isScheduled) this.#schedule();
    return waiting;
  }

  flush(): Promise<void> {
    if (this.#used === 0) return Promise.resolve();
    const page = this.#page;
    const used = this.#used;
    this.#used = 0;
    if (used < pageBytes / 2) return this.#target.write(Buffer.from(page.subarray(0, used)));
    this.#page = Buffer.allocUnsafeSlow(pageBytes);
    return this.#target.write(page.subarray(0, used));
  }

  #put(bytes: Uint8Array): void {
    this.#page.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #schedule(): void {
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.flush();
    });
  }
}
