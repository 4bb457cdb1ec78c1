import type { OutputStream } from "../context.ts";

/** Text that is drawn over and over in the same place of a terminal; elsewhere one after the other. */
export class Screen {
  readonly #stream: OutputStream;
  #isClear = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  /** Lines below the bottom of the terminal are cut off, or it would scroll. */
  draw(text: string): void {
    if (this.#stream.isTTY !== true) {
      this.#stream.write(text);
      return;
    }
    const lines = text.replace(/\n$/, "").split("\n");
    const { rows = 0 } = this.#stream; // a serial console reports 0: its size is unknown
    const fitting = lines.slice(0, rows > 0 ? Math.max(1, rows - 1) : lines.length);
    const start = this.#isClear ? "\x1b[H" : "\x1b[2J\x1b[H";
    this.#isClear = true;
    // Each line is cleared behind its end, then all below: nothing flickers.
    this.#stream.write(`${start}${fitting.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
  }
}
