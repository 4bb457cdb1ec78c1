import { kindOf } from "../../base/failure.ts";
import type { WallMs } from "../../model/time.ts";
import type { State } from "../state/state.ts";

const factName = "leftovers";

/**
 * Content that belongs to no image and that no command removed: layers and blobs of a pull that failed or was killed.
 * The next pull uses them. The time of detection is stored, so that a restart of the engine does not extend their
 * retention.
 */
export class Leftovers {
  readonly #state: State;
  readonly #since: Map<string, WallMs>;

  constructor(state: State) {
    this.#state = state;
    this.#since = new Map(readAll(state.findFact(factName)).map((key) => [key, 0]));
  }

  /** When it was noticed; undefined: it was not. */
  find(key: string): WallMs | undefined {
    return this.#since.get(key);
  }

  /** When the first of them was. */
  get oldest(): WallMs | undefined {
    return this.#since.size === 0 ? undefined : Math.min(...this.#since.values());
  }

  /** These are what is left at the moment: others are forgotten, new ones are noticed now. */
  note(keys: readonly string[]): void {
    const now = Date.now();
    const next = new Map(keys.map((key) => [key, this.#since.get(key) ?? now]));
    this.#replace(next);
  }

  /** Forgets keys that are not in the set: their content is gone or in use again. */
  keepOnly(keys: ReadonlySet<string>): void {
    const next = new Map([...this.#since].filter(([key]) => keys.has(key)));
    if (next.size !== this.#since.size) this.#replace(next);
  }

  #replace(next: ReadonlyMap<string, WallMs>): void {
    const changed = next.size !== this.#since.size || [...next.keys()].some((key) => !this.#since.has(key));
    this.#since.clear();
    for (const [key, since] of next) this.#since.set(key, since);
    if (!changed) return;
    try {
      this.#state.putFact(factName, JSON.stringify([...next.keys()]));
    } catch (thrown) {
      // When the disk is full, the time stays in memory only, and the next daemon detects the leftover again.
      if (kindOf(thrown) !== "exhausted") throw thrown;
    }
  }
}

function readAll(text: string | undefined): readonly string[] {
  const read: unknown = text === undefined ? [] : JSON.parse(text);
  return Array.isArray(read) ? read.filter((each) => typeof each === "string") : [];
}
