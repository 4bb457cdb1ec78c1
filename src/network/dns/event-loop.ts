import { monotonicMs } from "../../linux/kernel/clock.ts";
import { Epoll } from "../../linux/kernel/epoll.ts";
import type { Fd } from "../../linux/kernel/fd.ts";

const longestWaitMs = 60_000;

/** Waits on its thread for descriptors and times, and calls their listeners: for a thread without other work. */
export class EventLoop implements Disposable {
  readonly #epoll = new Epoll();
  readonly #handlers = new Map<Fd, (events: number) => void>();
  readonly #timers = new Map<object, { readonly atMs: number; readonly run: () => void }>();
  #stopped = false;

  watch(fd: Fd, events: number, handler: (events: number) => void): void {
    this.#epoll.add(fd, events);
    this.#handlers.set(fd, handler);
  }

  change(fd: Fd, events: number): void {
    this.#epoll.change(fd, events);
  }

  /** Before the descriptor is closed. */
  unwatch(fd: Fd): void {
    this.#epoll.remove(fd);
    this.#handlers.delete(fd);
  }

  /** Returns the way to call it off. */
  after(ms: number, run: () => void): () => void {
    const key = {};
    this.#timers.set(key, { atMs: monotonicMs() + ms, run });
    return () => void this.#timers.delete(key);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Until stop(). What a handler throws is the caller's to hear of; the loop goes on when `onThrown` returns. */
  run(onThrown: (thrown: unknown) => void): void {
    while (!this.#stopped) {
      const events = this.#epoll.wait(this.#waitMs());
      for (const { fd, events: bits } of events) {
        // One before it may have ended this one.
        const handler = this.#handlers.get(fd);
        if (handler !== undefined) guarded(() => handler(bits), onThrown);
      }
      this.#runTimers(onThrown);
    }
  }

  #waitMs(): number {
    let next = longestWaitMs;
    const now = monotonicMs();
    for (const { atMs } of this.#timers.values()) next = Math.min(next, atMs - now);
    return Math.max(0, Math.ceil(next));
  }

  #runTimers(onThrown: (thrown: unknown) => void): void {
    const now = monotonicMs();
    for (const [key, { atMs, run }] of this.#timers) {
      if (atMs > now || !this.#timers.delete(key)) continue;
      guarded(run, onThrown);
    }
  }

  [Symbol.dispose](): void {
    this.#epoll[Symbol.dispose]();
  }
}

/** An exception in one task does not prevent the next one. */
export function guarded(run: () => void, onThrown: (thrown: unknown) => void): void {
  try {
    run();
  } catch (thrown) {
    onThrown(thrown);
  }
}
