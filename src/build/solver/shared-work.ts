import { canceled } from "../../base/deadline.ts";

interface Entry<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  users: number;
}

/**
 * Work by key that several builds ask for at the same time: it is done once. It is canceled when no build waits for it any
 * longer, not when one of several does.
 */
export class SharedWork<T> {
  readonly #entries = new Map<string, Entry<T>>();

  /** `work` begins where none of this key is running. */
  async run(
    key: string,
    { signal, work }: { readonly signal: AbortSignal; readonly work: (signal: AbortSignal) => Promise<T> },
  ): Promise<T> {
    signal.throwIfAborted();
    const entry = this.#entries.get(key) ?? this.#begin(key, work);
    entry.users++;
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(canceled(signal, "build"));
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([entry.result, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      aborted.promise.catch(() => undefined);
      entry.users--;
      if (entry.users === 0 && this.#entries.get(key) === entry) {
        this.#entries.delete(key);
        entry.stop.abort();
        // What it has begun is undone before its last user goes on.
        await entry.result.catch(() => undefined);
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Entry<T> {
    const stop = new AbortController();
    const result = work(stop.signal);
    const entry: Entry<T> = { result, stop, users: 0 };
    this.#entries.set(key, entry);
    const forget = (): void => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    };
    result.then(forget, forget);
    return entry;
  }
}
