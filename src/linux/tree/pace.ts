import { setImmediate } from "node:timers/promises";

/** The longest uninterrupted run of system calls, so that other tasks of this process can run. */
const BURST_MS = 4;

/** Splits long synchronous work: call isDue() often, and when it returns true, await rest(). */
export class Pace {
  readonly #signal: AbortSignal | undefined;
  #since: number = performance.now();

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  isDue(): boolean {
    return performance.now() - this.#since > BURST_MS;
  }

  /** Throws the signal's reason when it was aborted. */
  async rest(): Promise<void> {
    await setImmediate();
    this.#signal?.throwIfAborted();
    this.#since = performance.now();
  }
}
