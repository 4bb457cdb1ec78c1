import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { Failure } from "../../base/failure.ts";
import { startWorker } from "../../linux/thread.ts";
import { abortable } from "../streams/abortable.ts";
import type { FromThread, LayerJob, LayerProof, ToThread } from "./layer-job.ts";

export interface LayerRun {
  /** From its beginning to its end; each piece is given away. Nothing of it is read before a thread is free. */
  readonly blob: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

/** Bytes that are on their way to a thread at most. */
const windowBytes = 1024 * 1024;
/** A thread that has nothing to do for so long ends, and gives its memory back. */
const restMs = 2_000;
const mostThreads: number = Math.max(2, Math.min(4, availableParallelism()));

/**
 * Does the job in a thread beside this one: hashing, inflating and writing hold nobody up here. Waits while all threads are busy.
 * When it settles the thread has let go of the job's descriptors. An abort of the signal throws its reason.
 */
export async function runInThread(job: LayerJob, run: LayerRun): Promise<LayerProof> {
  const thread = await takeThread(run.signal);
  try {
    return await thread.run(job, run);
  } finally {
    giveBack(thread);
  }
}

const resting: LayerThread[] = [];
const waiting: ((thread: LayerThread) => void)[] = [];
let threads = 0;

async function takeThread(signal: AbortSignal): Promise<LayerThread> {
  signal.throwIfAborted();
  for (let rested = resting.pop(); rested !== undefined; rested = resting.pop()) {
    if (rested.isAlive) return rested.wake();
    threads -= 1;
  }
  if (threads < mostThreads) {
    threads += 1;
    return new LayerThread();
  }
  const { promise, resolve, reject } = Promise.withResolvers<LayerThread>();
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

function giveBack(thread: LayerThread): void {
  const next = waiting.shift();
  if (!thread.isAlive) {
    threads -= 1;
    if (next === undefined) return;
    threads += 1;
    next(new LayerThread());
  } else if (next !== undefined) next(thread);
  else thread.rest();
}

class LayerThread {
  readonly #worker: Worker;
  #isAlive = true;
  #onMessage: (message: FromThread) => void = () => undefined;
  #onDeath: (failure: Failure) => void = () => undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** It listens, or never will. */
  readonly #started: Promise<void>;

  constructor() {
    const { promise: started, resolve: onStarted } = Promise.withResolvers<void>();
    this.#started = started;
    this.#worker = startWorker("image/unpacking/layer-worker");
    this.#worker.on("message", (message: FromThread) => {
      if (message.kind === "ready") onStarted();
      else this.#onMessage(message);
    });
    const died = (why: string): void => {
      this.#isAlive = false;
      onStarted();
      this.#onDeath(new Failure("internal", `cannot unpack a layer: its thread ended: ${why}`));
    };
    this.#worker.on("error", (error) => died(error instanceof Error ? error.message : String(error)));
    this.#worker.on("exit", (code) => died(`status ${code}`));
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  wake(): this {
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
      threads -= 1;
      this.#send({ kind: "leave" });
    }, restMs);
    this.#timer.unref();
  }

  async run(job: LayerJob, { blob, signal }: LayerRun): Promise<LayerProof> {
    const { promise, resolve, reject } = Promise.withResolvers<LayerProof>();
    const over = new AbortController();
    const flow = new Flow();
    this.#onMessage = (message) => {
      if (message.kind === "taken") flow.taken(message.bytes);
      else if (message.kind === "done") resolve(message.proof);
      else if (message.kind === "failed") reject(failureOf(message.failure));
    };
    this.#onDeath = reject;
    const stop = (): void => this.#send({ kind: "stop" });
    signal.addEventListener("abort", stop, { once: true });
    this.#send({ kind: "begin", job });
    let fault: unknown;
    const feeding = this.#feed(abortable(blob, AbortSignal.any([signal, over.signal])), flow).catch(
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
      flow.taken(windowBytes);
      signal.removeEventListener("abort", stop);
      await feeding;
      this.#onMessage = () => undefined;
      this.#onDeath = () => undefined;
    }
  }

  async #feed(blob: AsyncIterable<Uint8Array>, flow: Flow): Promise<void> {
    // Nothing is fetched before it can be kept.
    await this.#started;
    for await (const piece of blob) {
      // Only a buffer of its own can be given away; slice() of a Buffer would be no copy.
      const isWhole = piece.byteLength === piece.buffer.byteLength;
      const bytes = isWhole ? piece : new Uint8Array(piece);
      const { length } = bytes;
      this.#send({ kind: "piece", bytes }, [bytes.buffer as ArrayBuffer]);
      await flow.sent(length);
    }
    this.#send({ kind: "end" });
  }

  #send(message: ToThread, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#isAlive) this.#worker.postMessage(message, [...transfer]);
  }
}

/** Keeps what is under way within the window. */
class Flow {
  #open = 0;
  #wake: () => void = () => undefined;

  async sent(bytes: number): Promise<void> {
    this.#open += bytes;
    if (this.#open > windowBytes) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  taken(bytes: number): void {
    this.#open -= bytes;
    if (this.#open <= windowBytes) this.#wake();
  }
}

function failureOf({ kind, sentence, stack }: Extract<FromThread, { kind: "failed" }>["failure"]): Failure {
  const failure = new Failure(kind, sentence);
  if (kind === "internal" && stack !== undefined) failure.stack = stack;
  return failure;
}
