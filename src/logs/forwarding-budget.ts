/** So many forwarders read and send at the same time; the others wait. */
const MOST_SENDING = 16;
/** So many connections may hold bytes that their receiver does not take; more are closed and tried again later. */
const MOST_STALLED = 256;

/** Bounds the memory of all forwarders together. */
export class ForwardingBudget {
  #free = MOST_SENDING;
  #stalled = 0;
  readonly #waiting: (() => void)[] = [];

  /** The right to read a chunk of a log and to send it. First come, first served. */
  async acquire(): Promise<Disposable> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return onceDisposed(() => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    });
  }

  /** A connection that stands still; undefined when there are too many. */
  tryStall(): Disposable | undefined {
    if (this.#stalled >= MOST_STALLED) return undefined;
    this.#stalled++;
    return onceDisposed(() => {
      this.#stalled--;
    });
  }
}

function onceDisposed(release: () => void): Disposable {
  let isDone = false;
  return {
    [Symbol.dispose]: () => {
      if (!isDone) release();
      isDone = true;
    },
  };
}
