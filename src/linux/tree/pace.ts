import { setImmediate } from "node:timers/promises";

/** Longest time of system calls in a row, so that whoever else lives in this process gets its turn. */
const BURST_MS = 4;

/** Cuts long synchronous work: ask isDue() often, and when it says so, await rest(). */
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
