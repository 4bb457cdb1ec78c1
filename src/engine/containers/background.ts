import { sleep } from "../../base/deadline.ts";
import { kindOf, sentenceOf } from "../../base/failure.ts";

/** So many removals go on at once: more only wait for each other in the kernel. */
const AT_ONCE = 4;
/** When descriptors, memory or disk space are exhausted, it tries again: other processes may release some. */
const ATTEMPTS = 20;
const AGAIN_MS = 250;

/**
 * Work that goes on behind the answers, in order a subject, bounded in all. Never throws: it keeps what failed in the
 * end.
 */
export class Background {
  readonly #running = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  readonly #failures = new Map<string, string>();
  #free = AT_ONCE;

  /**
   * Begins when the answers that are ready have left, and after everything of the same subject that was given before.
   */
  run(subject: string, work: () => Promise<void>): Promise<void> {
    const before = this.#running.get(subject);
    const task = this.#perform(subject, { before, work }).finally(() => {
      if (this.#running.get(subject) === task) this.#running.delete(subject);
    });
    this.#running.set(subject, task);
    return task;
  }

  /** Something that failed elsewhere and is tried again. */
  note(subject: string, problem: string): void {
    this.#failures.set(subject, problem);
  }

  /** Resolves when nothing of this subject goes on. */
  async settled(subject: string): Promise<void> {
    await this.#running.get(subject);
  }

  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  get pending(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** Subject → sentence, of what could not be done since the engine was opened. */
  get failures(): ReadonlyMap<string, string> {
    return this.#failures;
  }

  async #perform(
    subject: string,
    { before, work }: { readonly before: Promise<void> | undefined; readonly work: () => Promise<void> },
  ): Promise<void> {
    // Callers that just received the result write their responses in this turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    await before;
    for (let attempt = 1; ; attempt++) {
      await this.#enter();
      try {
        await work();
        this.#failures.delete(subject);
        return;
      } catch (thrown) {
        this.#failures.set(subject, sentenceOf(thrown));
        if (kindOf(thrown) !== "exhausted" || attempt === ATTEMPTS) return;
      } finally {
        this.#leave();
      }
      await sleep(AGAIN_MS);
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
