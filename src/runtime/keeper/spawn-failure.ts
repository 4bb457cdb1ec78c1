import type { Failure } from "../../base/failure.ts";

/**
 * The reason why a keeper will never answer, which may come after it was connected to. Not a promise: one that never
 * settles would keep all that has ever waited for it, such as the plan, as long as the keeper runs.
 */
export class SpawnFailure {
  #failure: Failure | undefined;
  readonly #listeners = new Set<(failure: Failure) => void>();

  report(failure: Failure): void {
    this.#failure ??= failure;
    for (const listener of this.#listeners) listener(this.#failure);
  }

  /** The result of the work. Rejects as it does, or with the failure as soon as it is reported. */
  async unless<T>(work: Promise<T>): Promise<T> {
    const failed = Promise.withResolvers<never>();
    this.#listeners.add(failed.reject);
    if (this.#failure !== undefined) failed.reject(this.#failure);
    try {
      return await Promise.race([failed.promise, work]);
    } finally {
      this.#listeners.delete(failed.reject);
    }
  }
}
