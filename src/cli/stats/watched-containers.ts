import type { ContainerStats } from "../../api/types/statistics.ts";
import type { Client } from "../../client/client.ts";

/** Figures older than this are not shown: the daemon, or the machine, does not keep up. */
const LATE_MS = 2_000;

export interface WatchedRow {
  /** As it was named. */
  readonly container: string;
  readonly stats?: ContainerStats | undefined;
  readonly isLate: boolean;
}

interface Watched {
  stats?: ContainerStats | undefined;
  atMs: number;
  readonly stop: AbortController;
}

/** The containers whose figures are followed, in the order in which they came. */
export class WatchedContainers {
  readonly #client: Client;
  readonly #samples: "stream" | "once";
  readonly #signal: AbortSignal;
  readonly #watched = new Map<string, Watched>();
  readonly failures: unknown[] = [];

  constructor(
    client: Client,
    { samples, signal }: { readonly samples: "stream" | "once"; readonly signal: AbortSignal },
  ) {
    this.#client = client;
    this.#samples = samples;
    this.#signal = signal;
  }

  get size(): number {
    return this.#watched.size;
  }

  /** Resolves with its first figures, or when there will be none. */
  add(container: string): Promise<void> {
    if (this.#watched.has(container)) return Promise.resolve();
    const watched: Watched = { atMs: 0, stop: new AbortController() };
    this.#watched.set(container, watched);
    const first = Promise.withResolvers<void>();
    void this.#follow(container, watched, () => first.resolve()).finally(() => first.resolve());
    return first.promise;
  }

  remove(container: string): void {
    this.#watched.get(container)?.stop.abort();
    this.#watched.delete(container);
  }

  rows(): readonly WatchedRow[] {
    const isOnce = this.#samples === "once";
    return [...this.#watched].map(([container, { stats, atMs }]) => ({
      container,
      ...(stats === undefined ? {} : { stats }),
      isLate: !isOnce && performance.now() - atMs > LATE_MS,
    }));
  }

  async #follow(container: string, watched: Watched, hasCome: () => void): Promise<void> {
    const signal = AbortSignal.any([this.#signal, watched.stop.signal]);
    try {
      const stream = this.#client.containers.stats(container, { samples: this.#samples, signal });
      for await (const stats of stream) {
        watched.stats = stats;
        watched.atMs = performance.now();
        hasCome();
      }
      // The stream of one that is removed ends.
      if (this.#samples === "stream") this.#drop(container, watched);
    } catch (thrown) {
      if (!signal.aborted) this.failures.push(thrown);
      this.#drop(container, watched);
    }
  }

  #drop(container: string, watched: Watched): void {
    if (this.#watched.get(container) === watched) this.#watched.delete(container);
  }
}
