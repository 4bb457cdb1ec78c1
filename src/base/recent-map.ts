/** A map that keeps so many entries and forgets those that were asked for the longest time ago. */
export class RecentMap<Key, Value> {
  readonly #most: number;
  readonly #entries = new Map<Key, { readonly value: Value }>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the cached value, else caches the result of `make` (nothing, when it throws). */
  get(key: Key, make: () => Value): Value {
    const entry = this.#entries.get(key) ?? { value: make() };
    this.#entries.delete(key);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#most) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, entry);
    return entry.value;
  }
}
