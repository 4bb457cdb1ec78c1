/** The next one is made so long after the last use, so that it does not delay a start. */
const restMs = 10;

/** A resource that can be made before it is needed. */
export interface Prewarmed extends Disposable {
  /** False when it can't be used any more. */
  readonly isAlive?: boolean;
}

/** Holds at most one prewarmed resource, made when none was needed for a moment. A burst of callers makes its own. */
export class Pool<T extends Prewarmed> implements AsyncDisposable {
  readonly #make: () => Promise<T | undefined>;
  #made: T | undefined;
  #timer: NodeJS.Timeout | undefined;
  #held = 0;
  #making: Promise<void> | undefined;
  #isClosed = false;

  /** `make` may fail or return undefined: the next caller makes its own, and reports why that fails. */
  constructor(make: () => Promise<T | undefined>) {
    this.#make = make;
  }

  /** The prewarmed one, if there is one; the caller owns it and disposes of it. */
  take(): T | undefined {
    const made = this.#made;
    this.#made = undefined;
    if (made === undefined || made.isAlive !== false) return made;
    made[Symbol.dispose]();
    return undefined;
  }

  /** Makes nothing until all holders have disposed of their hold; then the next one is made. */
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
