import { formatByteSize } from "../../base/byte-size.ts";
import type { Call } from "../command.ts";

const SHOW_EVERY_MS = 100;

/** Counts the bytes of an archive that goes by, and shows them on a terminal. */
export class CopyCounter {
  bytes = 0;
  readonly #call: Call<{ readonly quiet: boolean }>;
  readonly #verb: string;
  #shownMs = performance.now();
  #isShown = false;

  constructor(call: Call<{ readonly quiet: boolean }>, verb: string) {
    this.#call = call;
    this.#verb = verb;
  }

  async *count(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of chunks) {
      this.bytes += chunk.length;
      this.#show();
      yield chunk;
    }
  }

  finish(sentence: string): void {
    if (this.#isShown) this.#call.err("\r\x1b[K");
    if (!this.#call.values.quiet) this.#call.err(`${sentence}\n`);
  }

  #show(): void {
    const { values, context } = this.#call;
    if (values.quiet || context.stderr.isTTY !== true) return;
    if (performance.now() - this.#shownMs < SHOW_EVERY_MS) return;
    this.#shownMs = performance.now();
    this.#isShown = true;
    this.#call.err(`\r\x1b[K${this.#verb} - ${formatByteSize(this.bytes)}`);
  }
}
