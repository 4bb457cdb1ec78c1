import { type MessagePort, parentPort } from "node:worker_threads";
import { kindOf, sentenceOf } from "../../../base/failure.ts";
import { pathArgument } from "../../kernel/path-argument.ts";
import { attempt } from "../../kernel/syscall.ts";
import { beginThread } from "../../kernel/thread.ts";
import { Pace } from "../pace.ts";
import { removeEntry } from "./remove.ts";
import type { UnlinkAnswer, UnlinkOrder } from "./unlink-order.ts";

// The program of a worker thread that removes files: see remove-in-worker.ts.

if (parentPort !== null) {
  beginThread();
  serve(parentPort);
}

function serve(port: MessagePort): void {
  const answer = (message: UnlinkAnswer): void => port.postMessage(message);
  port.on("message", (order: UnlinkOrder) => {
    switch (order.kind) {
      case "files":
        for (const name of order.names) attempt("unlinkat", order.directory, pathArgument(name), 0);
        answer({ kind: "done" });
        return;
      case "tree":
        removeEntry(order.parent, order.name, new Pace(undefined)).then(
          () => answer({ kind: "done" }),
          (thrown: unknown) =>
            answer({ kind: "failed", failure: { kind: kindOf(thrown), sentence: sentenceOf(thrown) } }),
        );
        return;
      case "leave":
        port.close();
        return;
      default:
        order satisfies never;
    }
  });
}
