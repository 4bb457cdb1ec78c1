import { canceled, withDeadline } from "../base/deadline.ts";

const firstWithinMs = 10_000;

/** Containers that are made and run by one request: a client attaches by a token of its own, before there is an id. */
export class CreatedContainers {
  readonly #created = new Map<string, PromiseWithResolvers<string>>();

  /** The container of the token, until disposed of, by which time its client has attached. */
  add(token: string, container: string): Disposable {
    this.#of(token).resolve(container);
    return { [Symbol.dispose]: () => void this.#created.delete(token) };
  }

  /** There will be none: who waits for it hears why. */
  refuse(token: string, thrown: unknown): void {
    this.#created.get(token)?.reject(thrown);
  }

  /** Resolves as soon as there is one, however long that takes. "canceled" when the signal fires before. */
  async get(token: string, { signal }: { readonly signal: AbortSignal }): Promise<string> {
    const created = this.#of(token);
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(canceled(signal, "attach to a container that is being created"));
    signal.addEventListener("abort", leave);
    try {
      if (signal.aborted) leave();
      return await Promise.race([created.promise, left]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (this.#created.get(token) === created) this.#created.delete(token);
    }
  }

  #of(token: string): PromiseWithResolvers<string> {
    const known = this.#created.get(token);
    if (known !== undefined) return known;
    const created = Promise.withResolvers<string>();
    this.#created.set(token, created);
    return created;
  }
}

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

  /** Resolves as soon as there is one. "canceled" when the signal fires before, "deadline" when nobody comes. */
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
