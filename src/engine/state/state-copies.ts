import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { sentenceOf } from "../../base/failure.ts";
import { log } from "../../base/log.ts";
import { startWorker } from "../../linux/kernel/thread.ts";
import type { CopyAnswer, CopyOrder, CopyStart } from "./copy-thread.ts";
import type { Database } from "./database.ts";

const firstAfterMs = 5_000;
const onceInMs = 60_000;

/** Where the copies of the database of a data root are, the newest first. */
export function copyPaths(dataRoot: string): readonly [string, string] {
  return [join(dataRoot, "state-copies", "1.db"), join(dataRoot, "state-copies", "2.db")];
}

/**
 * Copies the database some seconds after a change, at most once a minute, and keeps the two latest copies. A worker
 * thread copies the file and its write-ahead log, which only grows meanwhile, and merges them into one verified file.
 */
export class StateCopies implements Disposable {
  readonly #database: Database;
  readonly #dataRoot: string;
  #timer: NodeJS.Timeout | undefined;
  #thread: Worker | undefined;
  #isWanted = false;
  #lastAt = -onceInMs;
  #lastProblem = "";

  constructor(database: Database, dataRoot: string) {
    this.#database = database;
    this.#dataRoot = dataRoot;
    database.onChange(() => {
      if (!this.#isWanted) this.#want();
    });
  }

  #want(): void {
    this.#isWanted = true;
    if (this.#thread === undefined) this.#schedule();
  }

  #schedule(): void {
    const waitMs = Math.max(firstAfterMs, this.#lastAt + onceInMs - performance.now());
    this.#timer = setTimeout(() => this.#begin(), waitMs);
    this.#timer.unref();
  }

  #begin(): void {
    this.#isWanted = false;
    this.#lastAt = performance.now();
    try {
      const [newest, older] = copyPaths(this.#dataRoot);
      mkdirSync(join(newest, ".."), { recursive: true, mode: 0o700 });
      this.#database.beginCopy();
      const start: CopyStart = { database: join(this.#dataRoot, "state.db"), newest, older };
      const thread = startWorker("engine/state/copy-thread", start);
      this.#thread = thread;
      thread.unref();
      thread.on("message", (answer: CopyAnswer) => {
        // It was closed meanwhile.
        if (this.#thread !== thread) return;
        if (answer.kind === "failed") this.#note(answer.problem);
        // One that checkpoints have broken is dropped; the next change wants another.
        const order: CopyOrder = this.#database.endCopy() ? "keep" : "drop";
        if (answer.kind === "copied") thread.postMessage(order, []);
      });
      thread.on("error", (thrown) => this.#note(sentenceOf(thrown)));
      thread.on("exit", () => this.#end(thread));
    } catch (thrown) {
      this.#note(sentenceOf(thrown));
      this.#database.endCopy();
    }
  }

  #end(thread: Worker): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    this.#database.endCopy();
    if (this.#isWanted) this.#schedule();
  }

  #note(problem: string): void {
    if (problem !== this.#lastProblem) log("warning", `cannot copy the records: ${problem}`);
    this.#lastProblem = problem;
  }

  /** A copy that is not whole yet is given up. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    const thread = this.#thread;
    this.#thread = undefined;
    this.#isWanted = true; // no more
    if (thread === undefined) return;
    void thread.terminate();
    rmSync(`${copyPaths(this.#dataRoot)[0]}.draft`, { force: true });
  }
}
