import { type FSWatcher, watch } from "node:fs";
import type { ReadLogOptions } from "../log-entry.ts";
import type { LogFiles } from "./log-files.ts";

/** How long a change may go unnoticed where the kernel's notification fails. */
const LOOK_EVERY_MS = 50;

/**
 * Signals a following reader to read again, and keeps the files meanwhile: it opens new ones as they appear, even while
 * the reader's own client blocks it.
 */
export class LogChange implements Disposable {
  /** The writer is done, or nothing later than the reader's end can come. */
  hasEnded = false;
  readonly #watcher: FSWatcher | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #untilTimer: NodeJS.Timeout | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #wake = (): void => this.#changed();
  #isStale = false;
  #isOver = false;
  #waiting: (() => void) | undefined;

  constructor(directory: string, files: LogFiles, options: ReadLogOptions) {
    const look = (): void => {
      if (this.#isOver) return;
      files.keepUp();
      this.#changed();
    };
    this.#watcher = tryWatch(directory, look);
    this.#timer = setInterval(look, LOOK_EVERY_MS);
    this.#untilTimer = timerUntil(options.untilNs, () => this.#end());
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#wake, { once: true });
    const end = (): void => this.#end();
    options.ended?.then(end, end);
  }

  /** Resolves when something may have changed since the last call. */
  async next(): Promise<void> {
    if (!this.#isStale && !this.hasEnded && this.#signal?.aborted !== true) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#isStale = false;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#watcher?.close();
    clearInterval(this.#timer);
    clearTimeout(this.#untilTimer);
    this.#signal?.removeEventListener("abort", this.#wake);
    this.#changed();
  }

  #end(): void {
    this.hasEnded = true;
    this.#changed();
  }

  #changed(): void {
    this.#isStale = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

function tryWatch(directory: string, look: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, look);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined; // no directory yet, or no watches left: the timer does
  }
}

/** Longer ones would fire at once (2^31 ms). */
const MOST_TIMER_MS = 2 ** 31 - 1;

function timerUntil(untilNs: bigint | undefined, end: () => void): NodeJS.Timeout | undefined {
  if (untilNs === undefined) return undefined;
  const ms = Number(untilNs / 1_000_000n) - Date.now();
  return ms > MOST_TIMER_MS ? undefined : setTimeout(end, Math.max(0, ms));
}
