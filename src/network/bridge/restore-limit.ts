import type { NetworkId } from "../../model/ids.ts";

/** A bridge that another program changes all the time is restored this often within a minute. */
export const MOST_RESTORES = 3;
const PERIOD_MS = 60_000;

/** Counts the restores of each network's bridge. */
export class RestoreLimit {
  readonly #restores = new Map<NetworkId, readonly number[]>();
  readonly #now: () => number;

  /** `now`: milliseconds of a clock that only goes forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  isReached(id: NetworkId): boolean {
    return this.#recent(id).length >= MOST_RESTORES;
  }

  count(id: NetworkId): void {
    this.#restores.set(id, [...this.#recent(id), this.#now()]);
  }

  forget(id: NetworkId): void {
    this.#restores.delete(id);
  }

  #recent(id: NetworkId): readonly number[] {
    const since = this.#now() - PERIOD_MS;
    return (this.#restores.get(id) ?? []).filter((at) => at > since);
  }
}
