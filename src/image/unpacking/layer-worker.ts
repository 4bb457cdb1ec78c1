import { type MessagePort, parentPort } from "node:worker_threads";
import { kindOf, sentenceOf } from "../../base/failure.ts";
import { beginThread } from "../../linux/thread.ts";
import { BlobTaker } from "./blob-taker.ts";
import type { FromThread, LayerJob, ToThread } from "./layer-job.ts";
import { PushedPieces } from "./pushed-pieces.ts";
import { runLayerJob } from "./run-layer-job.ts";

// The program of a thread that does one layer after the other: see layer-threads.ts.

/** The job that is done now; between jobs what is still on its way for the last one is dropped. */
let current:
  | {
      readonly take: (bytes: Uint8Array) => void;
      readonly pieces: PushedPieces;
      readonly stop: AbortController;
    }
  | undefined;

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
        void begin(port, message.job);
        return;
      case "piece":
        current?.take(message.bytes);
        return;
      case "end":
        current?.pieces.end();
        return;
      case "stop":
        current?.stop.abort(new Error("stopped"));
        current?.pieces.fail(new Error("stopped"));
        return;
      case "leave":
        port.close();
        return;
      default:
        message satisfies never;
    }
  });
}

async function begin(port: MessagePort, job: LayerJob): Promise<void> {
  const send = (message: FromThread): void => port.postMessage(message);
  const taker = new BlobTaker(job);
  const pieces = new PushedPieces((bytes) => send({ kind: "taken", bytes }));
  const stop = new AbortController();
  const take = (bytes: Uint8Array): void => {
    try {
      // At once: what came stays, also when the job is stopped before it is worked off.
      taker.take(bytes);
      pieces.push(bytes);
    } catch (thrown) {
      pieces.fail(thrown);
    }
  };
  current = { take, pieces, stop };
  try {
    const proof = await runLayerJob(job, { taker, blob: pieces, signal: stop.signal });
    current = undefined;
    send({ kind: "done", proof });
  } catch (thrown) {
    current = undefined;
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    send({ kind: "failed", failure: { kind: kindOf(thrown), sentence: sentenceOf(thrown), stack } });
  }
}
