/** The pools that the scheduler fills and empties. */
export interface Refillable {
  /** Creates the next entry where there is none; false when that fails. Never rejects. */
  fill(): Promise<boolean>;
  /** Disposes of the entry. */
  drain(): void;
}

export interface SchedulerOptions {
  /** With false, nothing is ever prewarmed. */
  readonly isEnabled?: boolean | undefined;
  /** Entries are created so long after the last use, so that they do not delay a start. */
  readonly restMs?: number | undefined;
  /** Unused entries go after so long. */
  readonly idleMs?: number | undefined;
  /** A pool that failed is left alone for so long; each further failure doubles it, up to the maximum. */
  readonly backOffMs?: number | undefined;
  readonly maximumBackOffMs?: number | undefined;
}

interface Member {
  failures: number;
  /** As performance.now(). */
  retryAtMs: number;
  filling: Promise<void> | undefined;
}

/**
 * Decides when pools are filled and emptied. It fills all of them a moment after the last operation, empties them when
 * nothing has used them for minutes, and leaves a pool alone that failed just now. Its timers keep no process alive.
 */
export class PrewarmScheduler implements AsyncDisposable {
  readonly #isEnabled: boolean;
  readonly #restMs: number;
  readonly #idleMs: number;
  readonly #backOffMs: number;
  readonly #maximumBackOffMs: number;
  readonly #members = new Map<Refillable, Member>();
  #holds = 0;
  #rest: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor({
    isEnabled = true,
    restMs = 10,
    idleMs = 300_000,
    backOffMs = 1_000,
    maximumBackOffMs = 60_000,
  }: SchedulerOptions = {}) {
    this.#isEnabled = isEnabled;
    this.#restMs = restMs;
    this.#idleMs = idleMs;
    this.#backOffMs = backOffMs;
    this.#maximumBackOffMs = maximumBackOffMs;
  }

  add(pool: Refillable): void {
    this.#members.set(pool, { failures: 0, retryAtMs: 0, filling: undefined });
  }

  /** Waits for a creation in progress, then empties the pool. Idempotent. */
  async remove(pool: Refillable): Promise<void> {
    const member = this.#members.get(pool);
    this.#members.delete(pool);
    await member?.filling;
    pool.drain();
  }

  /** An entry was taken: fills the pools soon. Further requests do not postpone it. */
  request(): void {
    if (!this.#isEnabled || this.#isStopped || this.#holds > 0) return;
    this.#rest ??= setTimeout(() => this.#fillAll(), this.#restMs).unref();
  }

  /** Creates nothing until all holders have disposed of their hold; then the pools are filled soon. */
  hold(): Disposable {
    clearTimeout(this.#rest);
    this.#rest = undefined;
    this.#holds++;
    return {
      [Symbol.dispose]: () => {
        this.#holds--;
        this.request();
      },
    };
  }

  /** Stops: empties the pools and fills none any more. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#rest);
    clearTimeout(this.#idle);
    for (const pool of this.#members.keys()) await this.remove(pool);
  }

  #fillAll(): void {
    this.#rest = undefined;
    const nowMs = performance.now();
    for (const [pool, member] of this.#members)
      if (member.retryAtMs <= nowMs) member.filling ??= this.#fill(pool, member);
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#drainAll(), this.#idleMs).unref();
  }

  async #fill(pool: Refillable, member: Member): Promise<void> {
    const isFilled = await pool.fill();
    member.filling = undefined;
    member.failures = isFilled ? 0 : member.failures + 1;
    const backOffMs = Math.min(this.#backOffMs * 2 ** (member.failures - 1), this.#maximumBackOffMs);
    member.retryAtMs = isFilled ? 0 : performance.now() + backOffMs;
  }

  #drainAll(): void {
    for (const pool of this.#members.keys()) pool.drain();
  }
}
