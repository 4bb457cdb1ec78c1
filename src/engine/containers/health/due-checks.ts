/** So many checks are started at the same time; one that has run for a while no longer counts. */
const mostBegun = 8;
/** So many run at the same time. */
const mostRunning = 512;

/** Something that is to be done again and again, of which one run goes on at a time. */
export interface Due {
  /** When it is to be run next, in the milliseconds of the clock; undefined while it runs. */
  dueAt: number | undefined;
}

/** Which of many are to be run at a time: the longest due first, and no more at the same time than there are slots. */
export class DueChecks<T extends Due> {
  readonly #all = new Set<T>();
  #begun = 0;
  #running = 0;

  add(entry: T): void {
    this.#all.add(entry);
  }

  delete(entry: T): void {
    this.#all.delete(entry);
  }

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#all.values();
  }

  /** Takes one that is due, which is then running; undefined when none is due or no slot is free. */
  take(nowMs: number): T | undefined {
    if (this.#begun >= mostBegun || this.#running >= mostRunning) return undefined;
    const first = this.#first();
    if (first?.dueAt === undefined || first.dueAt > nowMs) return undefined;
    first.dueAt = undefined;
    this.#begun++;
    this.#running++;
    return first;
  }

  /** A run has lasted for a while: another one may begin. To be called once for each run. */
  yieldSlot(): void {
    this.#begun--;
  }

  /** A run has ended. */
  release(): void {
    this.#running--;
  }

  /** When take() may next find one; undefined: not before a run has ended or yielded its slot. */
  get nextAt(): number | undefined {
    if (this.#begun >= mostBegun || this.#running >= mostRunning) return undefined;
    return this.#first()?.dueAt;
  }

  #first(): T | undefined {
    let first: T | undefined;
    for (const entry of this.#all) {
      if (entry.dueAt === undefined) continue;
      if (first?.dueAt === undefined || entry.dueAt < first.dueAt) first = entry;
    }
    return first;
  }
}
