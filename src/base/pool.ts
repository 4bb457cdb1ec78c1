/** So long after the last use: nobody waits for the end of a short one then. */
const restMs = 10;

/** What can be made before somebody needs it. */
export interface Prewarmed extends Disposable {
  /** False when it can't be used any more. */
  readonly isAlive?: boolean;
}

/** At most one at a time, made when none has been needed for a moment. Many at once are made by those who need them. */
export class Pool<T extends Prewarmed> implements AsyncDisposable {
  readonly #make: () => Promise<T | undefined>;
  #made: T | undefined;
  #timer: NodeJS.Timeout | undefined;
  #held = 0;
  #making: Promise<void> | undefined;
  #isClosed = false;

  /** `make` may fail, or give nothing: who needs one next makes it, and says why that fails. */
  constructor(make: () => Promise<T | undefined>) {
    this.#make = make;
  }

  /** For the caller to use up, and to dispose of. */
  take(): T | undefined {
    const made = this.#made;
    this.#made = undefined;
    if (made === undefined || made.isAlive !== false) return made;
    made[Symbol.dispose]();
    return undefined;
  }

  /** For the time in which nothing is to be made beside; when that is over for all who asked for it, the next one is made. */
  hold(): Disposable {
    clearTimeout(this.#timer);
    this.#held++;
    return {
      [Symbol.dispose]: () => {
        if (--this.#held === 0) this.#makeSoon();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#making;
    this.take()?.[Symbol.dispose]();
  }

  #makeSoon(): void {
    if (this.#isClosed || this.#making !== undefined || this.#made !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#making = this.#makeNow();
    }, restMs);
    this.#timer.unref();
  }

  async #makeNow(): Promise<void> {
    this.#made = await this.#make().catch(() => undefined);
    this.#making = undefined;
  }
}
