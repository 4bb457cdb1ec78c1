import { type MessagePort, parentPort } from "node:worker_threads";
import { kindOf, sentenceOf } from "../../base/failure.ts";
import { beginThread } from "../../linux/kernel/thread.ts";
import { Flow, type FromThread, type NamedJob, ownBytes, type ToThread } from "./job.ts";
import { perform } from "./perform.ts";
import { PushedPieces } from "./pushed-pieces.ts";

// The program of a thread that does one job after the other: see job-threads.ts.

/** The job that is done now; between jobs what is still on its way for the last one is dropped. */
let current: CurrentJob | undefined;

if (parentPort !== null) {
  beginThread();
  serve(parentPort);
}

function serve(port: MessagePort): void {
  const ready: FromThread = { kind: "ready" };
  port.postMessage(ready);
  port.on("message", (message: ToThread) => {
    switch (message.kind) {
      case "begin":
        current = new CurrentJob(port);
        void current.run(message.named).finally(() => {
          current = undefined;
        });
        return;
      case "piece":
        current?.take(message.bytes);
        return;
      case "end":
        current?.pieces.end();
        return;
      case "taken":
        current?.flow.taken(message.bytes);
        return;
      case "stop":
        current?.stop();
        return;
      case "leave":
        port.close();
        return;
      default:
        message satisfies never;
    }
  });
}

class CurrentJob {
  readonly pieces: PushedPieces;
  readonly flow: Flow = new Flow();
  readonly #port: MessagePort;
  readonly #stop = new AbortController();
  #onArrival: (bytes: Uint8Array) => void = () => undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    this.pieces = new PushedPieces((bytes) => this.#send({ kind: "taken", bytes }));
  }

  async run({ name, job }: NamedJob): Promise<void> {
    try {
      const result = await perform(name, job, {
        input: (onArrival) => {
          this.#onArrival = onArrival;
          return this.pieces;
        },
        give: async (piece) => {
          this.#stop.signal.throwIfAborted();
          const bytes = ownBytes(piece);
          const { length } = bytes;
          this.#send({ kind: "given", bytes }, [bytes.buffer]);
          await this.flow.sent(length);
        },
        onRead: (bytes) => this.#send({ kind: "read", bytes }),
        signal: this.#stop.signal,
      });
      this.#send({ kind: "done", result });
    } catch (thrown) {
      const stack = thrown instanceof Error ? thrown.stack : undefined;
      this.#send({ kind: "failed", failure: { kind: kindOf(thrown), sentence: sentenceOf(thrown), stack } });
    }
  }

  take(bytes: Uint8Array): void {
    try {
      // At once: what came stays, also when the job is stopped before it is worked off.
      this.#onArrival(bytes);
      this.pieces.push(bytes);
    } catch (thrown) {
      this.pieces.fail(thrown);
    }
  }

  stop(): void {
    this.#stop.abort(new Error("stopped"));
    this.pieces.fail(new Error("stopped"));
    this.flow.open();
  }

  #send(message: FromThread, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, [...transfer]);
  }
}
