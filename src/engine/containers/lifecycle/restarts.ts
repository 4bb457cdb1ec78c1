import { sleep } from "../../../base/deadline.ts";
import type { ContainerId } from "../../../model/ids.ts";

/** Containers that wait for their next run. What has to survive the engine is in their records. */
export class Restarts implements Disposable {
  readonly #waiting = new Map<ContainerId, AbortController>();
  readonly #restart: (id: ContainerId) => Promise<void>;

  constructor(restart: (id: ContainerId) => Promise<void>) {
    this.#restart = restart;
  }

  /** In place of what was scheduled for it before. */
  schedule(id: ContainerId, delayMs: number): void {
    this.cancel(id);
    const abort = new AbortController();
    this.#waiting.set(id, abort);
    void this.#wait(id, { delayMs, abort });
  }

  /** Fine when it waits for nothing. */
  cancel(id: ContainerId): void {
    this.#waiting.get(id)?.abort();
    this.#waiting.delete(id);
  }

  isWaiting(id: ContainerId): boolean {
    return this.#waiting.has(id);
  }

  [Symbol.dispose](): void {
    for (const id of this.#waiting.keys()) this.cancel(id);
  }

  async #wait(
    id: ContainerId,
    { delayMs, abort }: { readonly delayMs: number; readonly abort: AbortController },
  ): Promise<void> {
    try {
      await sleep(delayMs, { signal: abort.signal });
    } catch {
      return;
    }
    if (this.#waiting.get(id) === abort) this.#waiting.delete(id);
    await this.#restart(id);
  }
}
