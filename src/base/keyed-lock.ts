import { canceled, type Waiting } from "./deadline.ts";

/**
 * A mutex for each key, first come first served. A key without a holder costs nothing.
 *
 * using _ = await lock.acquire(id);
 */
export class KeyedLock {
  /** The locked keys, each with its waiting callers in order of arrival. */
  readonly #queues = new Map<string, (() => void)[]>();

  /** Waits for the key; the returned lock is given back by disposing it (twice is fine). */
  async acquire(key: string, { signal }: Waiting = {}): Promise<Disposable> {
    if (signal?.aborted === true) throw canceled(signal, `wait for ${key}`);
    const queue = this.#queues.get(key);
    if (queue === undefined) return this.#hold(key);
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        queue.splice(queue.indexOf(enter), 1);
        if (signal !== undefined) reject(canceled(signal, `wait for ${key}`));
      };
      const enter = (): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      queue.push(enter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
    return this.#handle(key);
  }

  /** The lock when it is free now, else undefined. */
  find(key: string): Disposable | undefined {
    return this.#queues.has(key) ? undefined : this.#hold(key);
  }

  isHeld(key: string): boolean {
    return this.#queues.has(key);
  }

  /** Runs `work` under the key. */
  async run<T>(key: string, work: () => Promise<T>, waiting: Waiting = {}): Promise<T> {
    using _ = await this.acquire(key, waiting);
    return await work();
  }

  #hold(key: string): Disposable {
    this.#queues.set(key, []);
    return this.#handle(key);
  }

  #handle(key: string): Disposable {
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const next = this.#queues.get(key)?.shift();
        if (next === undefined) this.#queues.delete(key);
        else next(); // the key stays held: it passes to the next in line
      },
    };
  }
}
