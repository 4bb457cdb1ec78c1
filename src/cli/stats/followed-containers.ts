import type { ContainerStats } from "../../api/types/statistics.ts";
import type { Client } from "../../client/client.ts";

/** Figures older than this are not shown: the daemon, or the machine, does not keep up. */
const LATE_MS = 2_000;

export interface FollowedRow {
  /** As it was named. */
  readonly container: string;
  readonly stats?: ContainerStats | undefined;
  readonly isLate: boolean;
}

interface Followed {
  stats?: ContainerStats | undefined;
  atMs: number;
  readonly stop: AbortController;
}

/** The containers whose figures are followed, in the order in which they came. */
export class FollowedContainers {
  readonly #client: Client;
  readonly #samples: "stream" | "once";
  readonly #signal: AbortSignal;
  readonly #followed = new Map<string, Followed>();
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
    return this.#followed.size;
  }

  /** Resolves with its first figures, or when there will be none. */
  add(container: string): Promise<void> {
    if (this.#followed.has(container)) return Promise.resolve();
    const followed: Followed = { atMs: 0, stop: new AbortController() };
    this.#followed.set(container, followed);
    const first = Promise.withResolvers<void>();
    void this.#follow(container, followed, () => first.resolve()).finally(() => first.resolve());
    return first.promise;
  }

  remove(container: string): void {
    this.#followed.get(container)?.stop.abort();
    this.#followed.delete(container);
  }

  rows(): readonly FollowedRow[] {
    const isOnce = this.#samples === "once";
    return [...this.#followed].map(([container, { stats, atMs }]) => ({
      container,
      stats,
      isLate: !isOnce && performance.now() - atMs > LATE_MS,
    }));
  }

  async #follow(container: string, followed: Followed, hasCome: () => void): Promise<void> {
    const signal = AbortSignal.any([this.#signal, followed.stop.signal]);
    try {
      const stream = this.#client.containers.stats(container, { samples: this.#samples, signal });
      for await (const stats of stream) {
        followed.stats = stats;
        followed.atMs = performance.now();
        hasCome();
      }
      // The stream of one that is removed ends.
      if (this.#samples === "stream") this.#drop(container, followed);
    } catch (thrown) {
      if (!signal.aborted) this.failures.push(thrown);
      this.#drop(container, followed);
    }
  }

  #drop(container: string, followed: Followed): void {
    if (this.#followed.get(container) === followed) this.#followed.delete(container);
  }
}
