import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { Failure } from "../../base/failure.ts";
import { startWorker } from "../../linux/kernel/thread.ts";
import { abortable } from "../streams/abortable.ts";
import { gathered } from "../streams/gathered.ts";
import {
  Flow,
  type FromThread,
  type JobName,
  type Jobs,
  type NamedJob,
  ownBytes,
  type ToThread,
} from "./job.ts";
import { PushedPieces } from "./pushed-pieces.ts";

interface JobRun {
  /** The input of the job, from start to end; ownership of each piece passes to it. */
  readonly input?: AsyncIterable<Uint8Array> | undefined;
  /** Receives the number of bytes that the job has read from its own file. */
  readonly onRead?: ((bytes: number) => void) | undefined;
  readonly signal: AbortSignal;
}

const messageBytes = 256 * 1024;
/** A thread that has nothing to do for so long ends, and gives its memory back. */
const restMs = 2_000;
const mostThreads: number = Math.max(2, Math.min(4, availableParallelism()));
/** ConcurrentWork those, for what need not wait for a thread: see findThread(). */
const mostFound = 2;

/**
 * Takes a worker thread for hashing, decompressing and writing, which do not block this thread then. Waits while all
 * threads are busy; the job's input is not read before. The caller disposes of the thread, which returns it. An abort
 * of the signal throws its reason.
 */
export async function takeThread(signal: AbortSignal): Promise<JobThread> {
  signal.throwIfAborted();
  if (taken < mostThreads) {
    taken += 1;
    return lease("taken");
  }
  const { promise, resolve, reject } = Promise.withResolvers<JobThread>();
  const onAbort = (): void => {
    waiting.splice(waiting.indexOf(resolve), 1);
    reject(signal.reason);
  };
  waiting.push(resolve);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * As takeThread(), for work whose duration a client determines. It never waits: it returns undefined when all threads
 * are busy, and the caller does the work in this thread.
 */
export function findThread(): JobThread | undefined {
  if (found >= mostFound) return undefined;
  found += 1;
  return lease("found");
}

/** There is one that has nothing to do at the moment. */
export function isThreadResting(): boolean {
  return resting.some(({ isAlive }) => isAlive);
}

const resting: JobThread[] = [];
const waiting: ((thread: JobThread) => void)[] = [];
/** The number of threads in use, by the function that took them. */
let taken = 0;
let found = 0;

type Lease = "taken" | "found";

function lease(kind: Lease): JobThread {
  for (let rested = resting.pop(); rested !== undefined; rested = resting.pop()) {
    if (rested.isAlive) return rested.wake(kind);
  }
  return new JobThread(kind);
}

function giveBack(thread: JobThread): void {
  const next = thread.lease === "taken" ? waiting.shift() : undefined;
  if (next !== undefined) {
    next(thread.isAlive ? thread : new JobThread("taken"));
    return;
  }
  if (thread.lease === "taken") taken -= 1;
  else found -= 1;
  if (thread.isAlive) thread.rest();
}

export class JobThread implements Disposable {
  readonly #worker: Worker;
  #isAlive = true;
  #onMessage: (message: FromThread) => void = () => undefined;
  #onDeath: (failure: Failure) => void = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** It listens, or never will. */
  readonly #started: Promise<void>;
  lease: Lease;

  constructor(kind: Lease) {
    this.lease = kind;
    const { promise: started, resolve: onStarted } = Promise.withResolvers<void>();
    this.#started = started;
    this.#worker = startWorker("image/threads/job-worker");
    this.#worker.on("message", (message: FromThread) => {
      if (message.kind === "ready") onStarted();
      else this.#onMessage(message);
    });
    const died = (why: string): void => {
      this.#isAlive = false;
      onStarted();
      this.#onDeath(new Failure("internal", `cannot go on: a thread for images ended: ${why}`));
    };
    this.#worker.on("error", (error) => died(error instanceof Error ? error.message : String(error)));
    this.#worker.on("exit", (code) => died(`status ${code}`));
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  wake(kind: Lease): this {
    this.lease = kind;
    clearTimeout(this.#timer);
    this.#worker.ref();
    return this;
  }

  /** Until wake(), or its end. */
  rest(): void {
    resting.push(this);
    this.#worker.unref();
    this.#timer = setTimeout(() => {
      resting.splice(resting.indexOf(this), 1);
      this.#send({ kind: "leave" });
    }, restMs);
    this.#timer.unref();
  }

  /** Gives it back; between jobs. */
  [Symbol.dispose](): void {
    giveBack(this);
  }

  /** When it settles the thread has let go of the job's descriptors. An abort of the signal throws its reason. */
  async run<Name extends JobName>(
    name: Name,
    job: Jobs[Name]["job"],
    run: JobRun,
  ): Promise<Jobs[Name]["result"]> {
    return await this.#perform(name, job, { ...run, onGiven: () => undefined });
  }

  /** The output of the job; the consumer owns each piece. A consumer that stops ends the job. */
  async *read<Name extends JobName>(
    name: Name,
    job: Jobs[Name]["job"],
    { input, onRead, signal }: Partial<JobRun> = {},
  ): AsyncGenerator<Uint8Array, Jobs[Name]["result"], undefined> {
    const left = new AbortController();
    const pieces = new PushedPieces((bytes) => this.#send({ kind: "taken", bytes }));
    const done = this.#perform(name, job, {
      signal: signal === undefined ? left.signal : AbortSignal.any([left.signal, signal]),
      onGiven: (bytes) => pieces.push(bytes),
      input,
      onRead,
    });
    done.then(
      () => pieces.end(),
      (thrown: unknown) => pieces.fail(thrown),
    );
    try {
      yield* pieces;
      return await done;
    } finally {
      left.abort(new Error("left"));
      await done.catch(() => undefined);
    }
  }

  async #perform<Name extends JobName>(
    name: Name,
    job: Jobs[Name]["job"],
    {
      input,
      onRead = () => undefined,
      signal,
      onGiven,
    }: JobRun & { readonly onGiven: (bytes: Uint8Array) => void },
  ): Promise<Jobs[Name]["result"]> {
    const flow = new Flow();
    const { promise, resolve, reject } = Promise.withResolvers<Jobs[Name]["result"]>();
    const over = new AbortController();
    this.#onMessage = (message) => {
      if (message.kind === "done") resolve(message.result as Jobs[Name]["result"]);
      else if (message.kind === "failed") reject(failureOf(message.failure));
      else if (message.kind === "taken") flow.taken(message.bytes);
      else if (message.kind === "given") onGiven(message.bytes);
      else if (message.kind === "read") onRead(message.bytes);
    };
    this.#onDeath = reject;
    const stop = (): void => this.#send({ kind: "stop" });
    signal.addEventListener("abort", stop, { once: true });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- TypeScript does not relate the name to its job
    this.#send({ kind: "begin", named: { name, job } as NamedJob });
    if (signal.aborted) stop();
    let fault: unknown;
    const feeding =
      input === undefined
        ? undefined
        : this.#feed(abortable(input, AbortSignal.any([signal, over.signal])), flow).catch(
            (thrown: unknown) => {
              if (over.signal.aborted) return;
              fault = thrown;
              stop();
            },
          );
    try {
      return await promise;
    } catch (thrown) {
      signal.throwIfAborted();
      throw fault ?? thrown;
    } finally {
      over.abort(new Error("over"));
      flow.open();
      signal.removeEventListener("abort", stop);
      await feeding;
      this.#onMessage = () => undefined;
      this.#onDeath = () => undefined;
    }
  }

  async #feed(input: AsyncIterable<Uint8Array>, flow: Flow): Promise<void> {
    // Nothing is fetched before it can be kept.
    await this.#started;
    // A message costs as much as copying so many bytes.
    for await (const piece of gathered(input, messageBytes)) {
      const bytes = ownBytes(piece);
      const { length } = bytes;
      this.#send({ kind: "piece", bytes }, [bytes.buffer]);
      await flow.sent(length);
    }
    this.#send({ kind: "end" });
  }

  #send(message: ToThread, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#isAlive) this.#worker.postMessage(message, [...transfer]);
  }
}

function failureOf({ kind, sentence, stack }: Extract<FromThread, { kind: "failed" }>["failure"]): Failure {
  const failure = new Failure(kind, sentence);
  if (kind === "internal" && stack !== undefined) failure.stack = stack;
  return failure;
}
