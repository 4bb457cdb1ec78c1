import { encodeFrameHeader, type FrameStream } from "../../api/stream-frames.ts";
import type { Reply } from "./reply.ts";

const flushBytes = 64 * 1024;

/**
 * Collects small pieces of output into large writes: what is there goes out when 64 KiB are full, or as soon as nothing
 * more is ready. Pieces are framed unless they are a terminal's.
 */
export class FrameWriter {
  readonly #reply: Reply;
  readonly #isFramed: boolean;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #isScheduled = false;

  constructor(reply: Reply, { isFramed }: { readonly isFramed: boolean }) {
    this.#reply = reply;
    this.#isFramed = isFramed;
  }

  /** Returns a promise only when the caller has to wait for the client. */
  write(stream: FrameStream, parts: readonly Uint8Array[]): Promise<void> | undefined {
    let length = 0;
    for (const part of parts) length += part.length;
    if (this.#isFramed) this.#pieces.push(encodeFrameHeader(stream, length));
    this.#pieces.push(...parts);
    this.#size += length;
    if (this.#size >= flushBytes) return this.flush();
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        void this.flush();
      });
    }
    return undefined;
  }

  flush(): Promise<void> {
    if (this.#pieces.length === 0) return Promise.resolve();
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#size = 0;
    return this.#reply.write(bytes);
  }
}
