import { copyFileSync, existsSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { type MessagePort, parentPort } from "node:worker_threads";
import { sentenceOf } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { beginThread } from "../../linux/kernel/thread.ts";
import { joinLog, logSuffix, removeDatabase, syncPath } from "./join-log.ts";

/** The input of the thread: the database, and the directory for its copies. */
export interface CopyStart {
  readonly database: string;
  readonly newest: string;
  readonly older: string;
}

/** "copied": the database may be checkpointed again. */
export type CopyAnswer = { readonly kind: "copied" } | { readonly kind: "failed"; readonly problem: string };

export type CopyOrder = "keep" | "drop";

if (parentPort !== null) copy(parentPort, beginThread<CopyStart>());

function copy(port: MessagePort, { database, newest, older }: CopyStart): void {
  const draft = `${newest}.draft`;
  const answer = (message: CopyAnswer): void => port.postMessage(message);
  const clear = (): void => removeDatabase(draft);
  try {
    clear();
    copyFileSync(database, draft);
    fault("records.copied");
    if (existsSync(`${database}${logSuffix}`))
      copyFileSync(`${database}${logSuffix}`, `${draft}${logSuffix}`);
    answer({ kind: "copied" });
  } catch (thrown) {
    clear();
    answer({ kind: "failed", problem: sentenceOf(thrown) });
    port.close();
    return;
  }
  port.once("message", (order: CopyOrder) => {
    try {
      if (order === "keep") {
        joinLog(draft);
        fault("records.joined");
        if (existsSync(newest)) renameSync(newest, older);
        fault("records.older");
        renameSync(draft, newest);
        fault("records.newest");
        syncPath(dirname(newest));
      }
    } catch (thrown) {
      answer({ kind: "failed", problem: sentenceOf(thrown) });
    } finally {
      clear();
      port.close();
    }
  });
}
