import { bytesOf } from "../../base/byte-stream.ts";
import { createGunzip, type Gunzip } from "node:zlib";
import { errorOf, Failure } from "../../base/failure.ts";

/**
 * Inflates all members of a gzip stream. Zero bytes may follow the last one: tar and tapes fill blocks with them.
 * Throws "corrupt" with the position of anything else: exact behind zero bytes, else a range within the piece of the
 * source that has it. Reads the source to its end and leaves ending it to its owner. What zlib refuses it throws as it
 * comes.
 */
export async function* gunzip(
  source: AsyncIterator<Uint8Array>,
  { chunkSize }: { readonly chunkSize: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const transform = createGunzip({ chunkSize });
  const feeding = new Feeding(transform);
  const fed = feeding.run(source);
  fed.catch(() => undefined); // thrown below, unless the reader has stopped
  try {
    yield* bytesOf(transform);
    await fed;
  } catch (thrown) {
    // The first header was looked at before: this is one behind a member.
    if (thrown instanceof Error && thrown.message.includes("incorrect header check"))
      throw feeding.refusal(thrown);
    throw thrown;
  } finally {
    feeding.stop();
  }
}

/** Writes the source to a decompressor, and checks what the decompressor leaves. */
class Feeding {
  readonly #transform: Gunzip;
  /** Not known to be consumed, in their order. */
  readonly #sent: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #position = 0;
  #hasEnded = false;
  #isStopped = false;

  constructor(transform: Gunzip) {
    this.#transform = transform;
    transform.once("end", () => (this.#hasEnded = true));
  }

  async run(source: AsyncIterator<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const next = await source.next();
        if (this.#isStopped) return;
        if (next.done === true) break;
        this.#sent.push({ at: this.#position, bytes: next.value });
        this.#position += next.value.length;
        if (this.#hasEnded) this.#checkRest();
        else if (!this.#transform.write(next.value)) await this.#waitForSpace();
        this.#forgetConsumed();
      }
      this.#transform.end();
      if (!this.#hasEnded) await this.#ended();
      if (!this.#isStopped) this.#checkRest();
    } catch (thrown) {
      this.#transform.destroy(errorOf(thrown));
      throw thrown;
    }
  }

  /**
   * zlib reports neither where a member ended nor how much of the refused input it has consumed (Bun's handle keeps its
   * old counts), and its state is lost. To find the position, each member would have to be decompressed raw, with a
   * checksum here: a cost for every valid layer. So the range starts with the bytes left by the last successful call,
   * and ends with the piece.
   */
  refusal(cause: Error): Failure {
    this.#forgetConsumed();
    const [refused = { at: 0, bytes: new Uint8Array(0) }] = this.#sent;
    const first = Math.max(refused.at, this.#transform.bytesWritten);
    const last = refused.at + refused.bytes.length - 1;
    const where = last === first ? `at byte ${last}` : `between byte ${first} and byte ${last}`;
    return new Failure("corrupt", `cannot decompress gzip: something else follows it ${where}`, { cause });
  }

  stop(): void {
    this.#isStopped = true;
    this.#transform.destroy();
  }

  #forgetConsumed(): void {
    const consumed = this.#transform.bytesWritten;
    const first = this.#sent.findIndex(({ at, bytes }) => at + bytes.length > consumed);
    this.#sent.splice(0, first < 0 ? this.#sent.length : first);
  }

  /** The decompressor is at its end. */
  #checkRest(): void {
    const consumed = this.#transform.bytesWritten;
    for (const { at, bytes } of this.#sent) {
      const from = Math.max(0, consumed - at);
      const index = bytes.subarray(from).findIndex((byte) => byte !== 0);
      if (index < 0) continue;
      throw new Failure(
        "corrupt",
        `cannot decompress gzip: it ends at byte ${consumed}, and something else follows at byte ${at + from + index}`,
      );
    }
    this.#sent.length = 0;
  }

  /** Until it takes more, or never will. */
  async #waitForSpace(): Promise<void> {
    await this.#once("drain", "end", "close");
  }

  async #ended(): Promise<void> {
    await this.#once("end", "close");
  }

  async #once(...events: readonly string[]): Promise<void> {
    const transform = this.#transform;
    if (transform.destroyed) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        for (const event of events) transform.off(event, settle);
        resolve();
      };
      for (const event of events) transform.on(event, settle);
    });
  }
}
