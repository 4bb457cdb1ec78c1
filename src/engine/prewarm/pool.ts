import type { PrewarmScheduler, Refillable } from "./scheduler.ts";

/** A resource that can be created before a container needs it. */
export interface Prewarmed extends Disposable {
  /** False when it must not be used any more. */
  readonly isAlive?: boolean | undefined;
}

/** Keeps at most one prewarmed resource, which the scheduler creates. A burst of callers creates its own. */
export class Pool<T extends Prewarmed> implements Refillable, AsyncDisposable {
  readonly #scheduler: PrewarmScheduler;
  readonly #create: () => Promise<T | undefined>;
  #entry: T | undefined;

  /** `create` may fail or return undefined: the next caller creates its own, and reports why that fails. */
  constructor(scheduler: PrewarmScheduler, create: () => Promise<T | undefined>) {
    this.#scheduler = scheduler;
    this.#create = create;
    scheduler.add(this);
  }

  /** The prewarmed one, if there is one; the caller owns it and disposes of it. */
  take(): T | undefined {
    const entry = this.#entry;
    this.#entry = undefined;
    this.#scheduler.request();
    if (entry === undefined || entry.isAlive !== false) return entry;
    entry[Symbol.dispose]();
    return undefined;
  }

  async fill(): Promise<boolean> {
    this.#entry ??= await this.#create().catch(() => undefined);
    return this.#entry !== undefined;
  }

  drain(): void {
    this.#entry?.[Symbol.dispose]();
    this.#entry = undefined;
  }

  /** Waits for a creation in progress; nothing stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scheduler.remove(this);
  }
}
