/** A map that keeps so many entries and forgets those that were asked for the longest time ago. */
export class RecentMap<Key, Value> {
  readonly #most: number;
  readonly #entries = new Map<Key, Value>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the cached value, else caches the result of `make` (nothing, when it throws). */
  get(key: Key, make: () => Value): Value {
    let value = this.#entries.get(key);
    if (value === undefined && !this.#entries.has(key)) {
      value = make();
      if (this.#entries.size >= this.#most) this.#entries.delete(this.#entries.keys().next().value as Key);
    } else this.#entries.delete(key);
    this.#entries.set(key, value as Value);
    return value as Value;
  }
}
