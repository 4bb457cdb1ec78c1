import { kindOf } from "../../base/failure.ts";
import type { EngineEvent } from "../../model/engine.ts";
import type { Database } from "./database.ts";
import { decode, encode } from "./json.ts";

/** So many past events are kept; Docker keeps 256. */
const MOST_KEPT = 1000;
/** So many of those that are not stored are kept besides. */
const MOST_PASSING = 256;
/** Together they have at most so many characters: the words of an exec and labels may be long. */
const MOST_KEPT_CHARACTERS = 8 * 2 ** 20;
/** On the disk they are thinned out once in so many. */
const THINNED_EVERY = 64;
/** A client that doesn't read is cut off beyond this, so that it can't fill the memory. */
const MOST_WAITING = 10_000;
/** More than all that are kept. */
const MOST_WAITING_CHARACTERS = 2 * MOST_KEPT_CHARACTERS;

/** Longer timers would fire at once. */
const MOST_TIMER_MS = 2 ** 31 - 1;

/** The last events in the order of their times, in memory and on disk, and their listeners. */
export class EventStore implements Disposable {
  readonly #database: Database;
  readonly #recent: EngineEvent[] = [];
  readonly #passing: EngineEvent[] = [];
  readonly #queues = new Set<EventQueue>();
  #sequence = 0;
  #recentCharacters = 0;
  #charactersOnDisk = 0;

  constructor(database: Database) {
    this.#database = database;
    const rows = database.all("SELECT sequence, event FROM events ORDER BY sequence");
    for (const row of rows.slice(-MOST_KEPT)) {
      this.#sequence = Number(row["sequence"]);
      this.#keep(decode<EngineEvent>(row["event"]));
    }
  }

  /** Most come in order; one of the time when no engine ran may be older than the last. */
  #keep(event: EngineEvent): void {
    let index = this.#recent.length;
    for (let last = this.#recent[index - 1]; last !== undefined && last.timeNs > event.timeNs; ) {
      index--;
      last = this.#recent[index - 1];
    }
    this.#recent.splice(index, 0, event);
    this.#recentCharacters += charactersOf(event);
    while (this.#recent.length > MOST_KEPT || this.#recentCharacters > MOST_KEPT_CHARACTERS) {
      const oldest = this.#recent.shift();
      if (oldest === undefined) return;
      this.#recentCharacters -= charactersOf(oldest);
    }
  }

  /** Those that are still known, oldest first. */
  get recent(): readonly EngineEvent[] {
    return this.#recent;
  }

  /** For changes that write something else, in their transaction; publish() when that has succeeded. */
  append(events: readonly EngineEvent[]): void {
    for (const event of events) {
      const sequence = ++this.#sequence;
      const text = encode(event);
      this.#charactersOnDisk += text.length;
      this.#database.run("INSERT OR REPLACE INTO events (sequence, event) VALUES (?, ?)", sequence, text);
      if (sequence % THINNED_EVERY !== 0 && this.#charactersOnDisk < MOST_KEPT_CHARACTERS / 2) continue;
      // Of long ones fewer are in memory.
      const kept = Math.min(MOST_KEPT, this.#recent.length + events.length);
      this.#database.run("DELETE FROM events WHERE sequence <= ?", sequence - kept);
      this.#charactersOnDisk = 0;
    }
  }

  publish(events: readonly EngineEvent[]): void {
    for (const event of events) {
      this.#keep(Object.freeze(event));
      for (const queue of this.#queues) queue.push(event);
    }
  }

  /** Emits an event that is not stored: the next engine does not know it, and it displaces no other event. */
  emit(event: EngineEvent): void {
    this.#passing.push(Object.freeze(event));
    if (this.#passing.length > MOST_PASSING) this.#passing.shift();
    for (const queue of this.#queues) queue.push(event);
  }

  /** Writes and emits an event that accompanies no other change. On a full disk the event stays in memory only. */
  record(event: EngineEvent): void {
    try {
      this.#database.transaction(() => this.append([event]));
    } catch (thrown) {
      if (kindOf(thrown) !== "exhausted") throw thrown;
    }
    this.publish([event]);
  }

  /**
   * Those after `sinceNs` that are still known, with `untilNs` alone all of them; then each as it comes, until
   * `untilNs`, the signal or close(). None is missed from this call on.
   */
  watch(options: {
    readonly sinceNs?: bigint | undefined;
    readonly untilNs?: bigint | undefined;
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<EngineEvent> {
    const { sinceNs, untilNs, signal } = options;
    const fromNs = sinceNs ?? (untilNs === undefined ? undefined : 0n);
    const queue = new EventQueue(
      fromNs === undefined ? [] : this.#known().filter((event) => event.timeNs >= fromNs),
    );
    this.#queues.add(queue);
    const stop = (): void => queue.end();
    const leftMs = untilNs === undefined ? undefined : Number(untilNs / 1_000_000n) - Date.now();
    const timer =
      leftMs === undefined || leftMs > MOST_TIMER_MS ? undefined : setTimeout(stop, Math.max(0, leftMs));
    if (signal?.aborted === true) stop();
    signal?.addEventListener("abort", stop, { once: true });
    const forget = (): void => {
      this.#queues.delete(queue);
      signal?.removeEventListener("abort", stop);
      clearTimeout(timer);
    };
    return drain(queue, { untilNs, forget });
  }

  #known(): readonly EngineEvent[] {
    if (this.#passing.length === 0) return this.#recent;
    return [...this.#recent, ...this.#passing].sort((one, other) => (one.timeNs < other.timeNs ? -1 : 1));
  }

  /** Ends all watching. */
  [Symbol.dispose](): void {
    for (const queue of this.#queues) queue.end();
    this.#queues.clear();
  }
}

async function* drain(
  queue: EventQueue,
  { untilNs, forget }: { readonly untilNs: bigint | undefined; readonly forget: () => void },
): AsyncGenerator<EngineEvent, void> {
  try {
    for (;;) {
      const event = await queue.next();
      if (event === undefined || (untilNs !== undefined && event.timeNs > untilNs)) return;
      yield event;
    }
  } finally {
    forget();
  }
}

/** The unread events of one watcher. */
class EventQueue {
  readonly #waiting: EngineEvent[];
  #characters = 0;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(past: readonly EngineEvent[]) {
    this.#waiting = [...past];
    for (const event of past) this.#characters += charactersOf(event);
  }

  push(event: EngineEvent): void {
    if (this.#isOver) return;
    this.#characters += charactersOf(event);
    if (this.#waiting.length >= MOST_WAITING || this.#characters > MOST_WAITING_CHARACTERS) return this.end();
    this.#waiting.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  /** Undefined at the end. */
  async next(): Promise<EngineEvent | undefined> {
    while (this.#waiting.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const event = this.#waiting.shift();
    if (event !== undefined) this.#characters -= charactersOf(event);
    return event;
  }
}

function charactersOf({ action, actor: { attributes } }: EngineEvent): number {
  let characters = action.length;
  for (const name in attributes) characters += name.length + (attributes[name]?.length ?? 0);
  return characters;
}
