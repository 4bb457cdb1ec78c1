import { withDeadline } from "../base/deadline.ts";

const firstWithinMs = 10_000;

/** Clients that are attached to containers, by the container as each of them names it. */
export class AttachedClients {
  readonly #attached = new Map<string, number>();
  readonly #awaited = new Map<string, Set<() => void>>();

  /** One more, until disposed of. */
  add(container: string): Disposable {
    this.#attached.set(container, (this.#attached.get(container) ?? 0) + 1);
    for (const resolve of this.#awaited.get(container) ?? []) resolve();
    return {
      [Symbol.dispose]: () => {
        const left = (this.#attached.get(container) ?? 1) - 1;
        if (left === 0) this.#attached.delete(container);
        else this.#attached.set(container, left);
      },
    };
  }

  /**
   * Resolves as soon as a client attaches. "canceled" when the signal fires before, "deadline" when no client attaches.
   */
  async first(container: string, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#attached.has(container)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const awaiting = this.#awaited.get(container) ?? new Set();
    this.#awaited.set(container, awaiting.add(resolve));
    try {
      await withDeadline(firstWithinMs, "start the container: no client attached to it", () => promise, {
        signal,
      });
    } finally {
      awaiting.delete(resolve);
      if (awaiting.size === 0) this.#awaited.delete(container);
    }
  }
}
