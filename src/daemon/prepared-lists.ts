/** As long as a list may be used again: the times in it are rounded to seconds. */
const usableMs = 250;
const most = 8;
const mostCharacters = 4 * 1024 * 1024;

interface Prepared {
  readonly revision: number;
  readonly atMs: number;
  readonly text: string;
}

/**
 * The last lists of containers as they were sent: many clients that ask for the same within a moment get the same text.
 * A change of the engine makes all of them void.
 */
export class PreparedLists {
  readonly #prepared = new Map<string, Prepared>();
  readonly #now: () => number;

  /** `now` gives milliseconds that only grow. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** `revision` undefined: it is unknown whether something has changed. */
  find(key: string, revision: number | undefined): string | undefined {
    const found = this.#prepared.get(key);
    if (found === undefined || revision === undefined) return undefined;
    if (found.revision === revision && this.#now() - found.atMs < usableMs) return found.text;
    this.#prepared.delete(key);
    return undefined;
  }

  /** `revision` is that before the list was made. */
  keep(key: string, revision: number | undefined, text: string): void {
    if (revision === undefined || text.length > mostCharacters / most) return;
    this.#prepared.delete(key);
    const [oldest] = this.#prepared.keys();
    if (oldest !== undefined && this.#prepared.size >= most) this.#prepared.delete(oldest);
    this.#prepared.set(key, { revision, atMs: this.#now(), text });
  }
}
