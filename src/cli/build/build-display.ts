import type { BuildMessage } from "../../api/types/build.ts";
import type { OutputStream } from "../context.ts";
import type { BuildTrace } from "./build-trace.ts";
import { BuildTrace as Trace } from "./build-trace.ts";
import { PlainDisplay } from "./plain-display.ts";
import { formatRawLine } from "./raw-lines.ts";
import { drawScreen } from "./screen.ts";

/** How progress is shown. */
export type ProgressMode = "plain" | "tty" | "rawjson" | "quiet";

/** Shows a build as it goes on; disposed when it has ended. */
export interface BuildDisplay extends Disposable {
  readonly trace: BuildTrace;
  take(message: BuildMessage): void;
}

export function openDisplay(mode: ProgressMode, out: OutputStream): BuildDisplay {
  switch (mode) {
    case "plain": {
      const plain = new PlainDisplay((text) => void out.write(text));
      return {
        trace: plain.trace,
        take: (message) => plain.take(message, Date.now()),
        [Symbol.dispose]: () => {},
      };
    }
    case "tty":
      return new ScreenDisplay(out);
    case "rawjson":
    case "quiet": {
      const trace = new Trace();
      return {
        trace,
        take: (message) => {
          trace.take(message);
          const line = mode === "rawjson" ? formatRawLine(message) : undefined;
          if (line !== undefined) out.write(line);
        },
        [Symbol.dispose]: () => {},
      };
    }
    default:
      return mode satisfies never;
  }
}

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const redrawMs = 100;

/** Draws the screen in place, ten times a second as long as the build goes on. */
class ScreenDisplay implements BuildDisplay {
  readonly trace = new Trace();
  readonly #out: OutputStream;
  readonly #startedAtMs = Date.now();
  readonly #timer: NodeJS.Timeout;
  /** Lines above the cursor. */
  #drawn = 0;

  constructor(out: OutputStream) {
    this.#out = out;
    this.#out.write(hideCursor);
    process.once("exit", this.#restore);
    this.#timer = setInterval(() => this.#draw(false), redrawMs);
  }

  take(message: BuildMessage): void {
    this.trace.take(message);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#draw(true);
    process.off("exit", this.#restore);
    this.#restore();
  }

  // SAFETY: also when the program ends without disposing: the shell's terminal must have its cursor.
  readonly #restore = (): void => void this.#out.write(showCursor);

  #draw(isOver: boolean): void {
    const { columns = 0, rows = 0 } = this.#out;
    const lines = drawScreen({
      trace: this.trace,
      startedAtMs: this.#startedAtMs,
      nowMs: Date.now(),
      columns: columns > 0 ? columns : 80,
      rows: rows > 0 ? rows : 24,
      isOver,
    });
    const up = this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A`;
    const text = lines.map((line) => `\r\u001b[2K${line}\n`).join("");
    // Lines below are those of a screen that was longer.
    this.#out.write(`${up}${text}\u001b[J`);
    this.#drawn = lines.length;
  }
}
