import type { ProgressMessage } from "../../api/types/progress.ts";
import type { OutputStream } from "../context.ts";
import { formatLine, isCounting } from "./progress-line.ts";

interface Shown {
  readonly message: ProgressMessage;
  /** A message about it was shown before. */
  readonly isChanged: boolean;
}

/**
 * Shows a line for each id and redraws it on change. When there are more ids than lines on the terminal, it shows those
 * in progress, then those that wait, and the last line counts the rest: lines that have scrolled out of sight cannot be
 * redrawn.
 */
export class TerminalDisplay {
  readonly #out: OutputStream;
  /** In the order in which they came. */
  #ids = new Map<string, Shown>();
  /** What is on the screen, the last line being the one above the cursor. */
  #lines: readonly string[] = [];

  constructor(out: OutputStream) {
    this.#out = out;
  }

  show(message: ProgressMessage): void {
    if (message.stream !== undefined) {
      this.#leave();
      this.#out.write(message.stream);
      return;
    }
    if (message.status === undefined) return;
    if (message.id === undefined || message.id === "") {
      this.#leave();
      this.#out.write(`${formatLine(message, this.#columns)}\n`);
      return;
    }
    // The terminal has become so small that part of it is out of reach.
    if (this.#lines.length > this.#maxLines) this.#leave();
    this.#ids.set(message.id, { message, isChanged: this.#ids.has(message.id) });
    this.#draw(this.#choose());
  }

  /** A serial console reports 0: its size is unknown. */
  get #columns(): number {
    const { columns = 0 } = this.#out;
    return columns > 0 ? columns : 80;
  }

  /** Lines above the cursor. */
  get #maxLines(): number {
    const { rows = 0 } = this.#out;
    return rows > 0 ? Math.max(2, rows - 1) : Number.POSITIVE_INFINITY;
  }

  /** Keeps the drawn lines on the screen. */
  #leave(): void {
    this.#ids = new Map();
    this.#lines = [];
  }

  #choose(): readonly string[] {
    const all = [...this.#ids.values()];
    const maxLines = this.#maxLines;
    if (all.length <= maxLines) return all.map(({ message }) => formatLine(message, this.#columns));
    const chosen = new Set(all.toSorted((one, other) => rankOf(one) - rankOf(other)).slice(0, maxLines - 1));
    return [
      ...all.filter((each) => chosen.has(each)).map(({ message }) => formatLine(message, this.#columns)),
      `and ${all.length - chosen.size} more`,
    ];
  }

  #draw(lines: readonly string[]): void {
    let text = "";
    for (const [index, line] of lines.entries()) {
      if (index >= this.#lines.length) text += `${line}\n`;
      else if (line !== this.#lines[index]) {
        const up = this.#lines.length - index;
        text += `\x1b[${up}A\r\x1b[2K${line}\r\x1b[${up}B`;
      }
    }
    this.#lines = lines;
    if (text !== "") this.#out.write(text);
  }
}

/** Under way, waiting, done. */
function rankOf({ message, isChanged }: Shown): number {
  if (isCounting(message)) return 0;
  return isChanged ? 2 : 1;
}
