import { type FSWatcher, watch } from "node:fs";

/** After a change the log is looked at once more, in case that the kernel reported two changes as one. */
const LOOK_AGAIN_MS = 100;
/** Where the kernel has no watches left. */
const LOOK_EVERY_MS = 1000;

/** Wakes a forwarder when its log changes. No timer runs while the log stays as it is. */
export class LogWatch implements Disposable {
  readonly #watcher: FSWatcher | undefined;
  readonly #poll: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #isStale = true;
  #waiting: (() => void) | undefined;

  constructor(directory: string) {
    this.#watcher = tryWatch(directory, () => this.#changed());
    if (this.#watcher === undefined) this.#poll = setInterval(() => this.wake(), LOOK_EVERY_MS);
  }

  wake(): void {
    this.#isStale = true;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  /** Resolves when something may have changed since the last call. */
  async next(): Promise<void> {
    if (!this.#isStale) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#isStale = false;
  }

  #changed(): void {
    this.wake();
    this.lookAgain();
  }

  /** Wakes once more, soon. */
  lookAgain(): void {
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      this.wake();
    }, LOOK_AGAIN_MS);
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    clearInterval(this.#poll);
    clearTimeout(this.#again);
    this.wake();
  }
}

function tryWatch(directory: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, changed);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
