import type { Worker } from "node:worker_threads";
import { Failure } from "../../../base/failure.ts";
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../constants/open.ts";
import { readEntries } from "../../files/directory.ts";
import { duplicateFd, type Fd, type OwnedFd } from "../../kernel/fd.ts";
import { openBeneath } from "../../files/open.ts";
import { isErrno } from "../../kernel/syscall.ts";
import { startWorker } from "../../kernel/thread.ts";
import { Descent } from "./descent.ts";
import { Pace } from "../pace.ts";
import { removeEntry } from "./remove.ts";
import type { UnlinkAnswer, UnlinkOrder } from "./unlink-order.ts";

/** Fewer are removed before threads have started. */
const WORTH_THREADS = 512;
const THREADS = 4;
/** Names in one order. */
const BATCH = 64;

/**
 * As removeEntry(), of a tree that may be large: its files are removed by several threads, which wait for the disk in
 * place of this one. KERNEL: ext4 without a journal, mounted with `discard`, waits for the disk to forget each file's
 * blocks within unlink(2): a millisecond or two for each, one after the other, but not one for all that are removed at
 * the same time.
 */
export async function removeInWorker(parent: Fd, name: string): Promise<void> {
  await using unlinkers = new Unlinkers();
  const pace = new Pace(undefined);
  if (await clearFiles(parent, name, { unlinkers, pace })) await unlinkers.removeTree(parent, name);
  else await removeEntry(parent, name, pace);
}

interface Batch {
  readonly directory: OwnedFd;
  readonly names: readonly string[];
}

/** Has the files removed that it finds, as far as that goes; false when there are so few that none was. */
async function clearFiles(
  parent: Fd,
  name: string,
  { unlinkers, pace }: { readonly unlinkers: Unlinkers; readonly pace: Pace },
): Promise<boolean> {
  const waiting: Batch[] = [];
  let files = 0;
  try {
    for (const batch of batchesIn(parent, name)) {
      files += batch.names.length;
      waiting.push(batch);
      if (files >= WORTH_THREADS)
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
          await unlinkers.removeFiles(next);
      if (pace.isDue()) await pace.rest();
    }
  } finally {
    for (const { directory } of waiting) directory[Symbol.dispose]();
  }
  return files >= WORTH_THREADS;
}

/** The names of what is no directory, some at a time, each time with a descriptor that is the taker's. */
function* batchesIn(parent: Fd, name: string): Generator<Batch, void> {
  // SAFETY: stays on this mount and follows no link, as removeEntry(), which also reports faults.
  const resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  const top = attemptOr(() => openBeneath(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, resolve));
  if (top === undefined) return;
  using descent = new Descent(top.move());
  const levels: string[][] = [];
  for (;;) {
    const directories: string[] = [];
    levels.push(directories);
    for (let entries = readEntries(descent.fd); entries.length > 0; entries = readEntries(descent.fd)) {
      const names: string[] = [];
      for (const entry of entries) (entry.kind === "directory" ? directories : names).push(entry.name);
      for (let at = 0; at < names.length; at += BATCH) {
        yield { directory: duplicateFd(descent.fd), names: names.slice(at, at + BATCH) };
      }
    }
    for (;;) {
      const next = levels.at(-1)?.pop();
      if (next !== undefined) {
        if (attemptOr(() => descent.down(next) ?? true) === undefined) continue;
        break;
      }
      levels.pop();
      if (levels.length === 0) return;
      descent.up();
    }
  }
}

/** undefined for what is not there, is no directory or on another mount by now. */
function attemptOr<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR", "ELOOP", "EXDEV")) return undefined;
    throw thrown;
  }
}

/** Threads that are started when there is something to do. */
class Unlinkers implements AsyncDisposable {
  readonly #all: Unlinker[] = [];

  /** Comes back when the next order can be given. Takes the descriptor over. */
  async removeFiles({ directory, names }: Batch): Promise<void> {
    const free = this.#all.find(({ isBusy }) => !isBusy) ?? this.#start() ?? (await this.#firstFree());
    void free
      .obey({ kind: "files", directory: directory.fd, names })
      .catch(() => undefined) // what stays is found again by removeTree()
      .finally(() => directory[Symbol.dispose]());
  }

  /** After all orders before. */
  async removeTree(parent: Fd, name: string): Promise<void> {
    await Promise.all(this.#all.map((each) => each.settled));
    await this.#all[0]?.obey({ kind: "tree", parent, name });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((each) => each.leave()));
  }

  #start(): Unlinker | undefined {
    if (this.#all.length >= THREADS) return undefined;
    const started = new Unlinker();
    this.#all.push(started);
    return started;
  }

  async #firstFree(): Promise<Unlinker> {
    return await Promise.race(this.#all.map(async (each) => await each.settled.then(() => each)));
  }
}

class Unlinker {
  readonly #worker: Worker = startWorker("linux/tree/internal/unlink-thread");
  #order: { resolve(): void; reject(thrown: unknown): void } | undefined;
  #settled: Promise<void> = Promise.resolve();
  #isDead = false;
  #onExit: () => void = () => undefined;

  constructor() {
    this.#worker.on("message", (answer: UnlinkAnswer) => {
      const order = this.#order;
      this.#order = undefined;
      if (answer.kind === "done") order?.resolve();
      else order?.reject(new Failure(answer.failure.kind, answer.failure.sentence));
    });
    const died = (): void => {
      this.#isDead = true;
      this.#order?.reject(goneFailure());
      this.#order = undefined;
    };
    this.#worker.on("error", died);
    this.#worker.on("exit", () => {
      died();
      this.#onExit();
    });
  }

  get isBusy(): boolean {
    return this.#order !== undefined;
  }

  /** When it is free; never rejects. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** One at a time. */
  async obey(order: UnlinkOrder): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#settled = promise.catch(() => undefined);
    if (this.#isDead) reject(goneFailure());
    else {
      this.#order = { resolve, reject };
      this.#worker.postMessage(order, []);
    }
    await promise;
  }

  /** When its thread has ended. */
  async leave(): Promise<void> {
    await this.#settled;
    if (this.#isDead) return;
    const exited = new Promise<void>((resolve) => (this.#onExit = resolve));
    const order: UnlinkOrder = { kind: "leave" };
    this.#worker.postMessage(order, []);
    await exited;
  }
}

function goneFailure(): Failure {
  return new Failure("internal", "cannot remove files: the thread for that has ended");
}
