import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type MessagePort, parentPort } from "node:worker_threads";
import { sentenceOf } from "../../base/failure.ts";
import { beginThread } from "../../linux/thread.ts";

/** What the thread begins with: the database, and where its copies go. */
export interface CopyStart {
  readonly database: string;
  readonly newest: string;
  readonly older: string;
}

/** "copied": the database may be checkpointed again. */
export type CopyAnswer = { readonly kind: "copied" } | { readonly kind: "failed"; readonly problem: string };

export type CopyOrder = "keep" | "drop";

const logSuffix = "-wal";

if (parentPort !== null) copy(parentPort, beginThread() as CopyStart);

function copy(port: MessagePort, { database, newest, older }: CopyStart): void {
  const draft = `${newest}.draft`;
  const answer = (message: CopyAnswer): void => port.postMessage(message);
  const clear = (): void => {
    for (const suffix of ["", logSuffix, "-shm", "-journal"]) rmSync(`${draft}${suffix}`, { force: true });
  };
  try {
    clear();
    copyFileSync(database, draft);
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
        sync(draft);
        if (existsSync(newest)) renameSync(newest, older);
        renameSync(draft, newest);
        sync(dirname(newest));
      }
    } catch (thrown) {
      answer({ kind: "failed", problem: sentenceOf(thrown) });
    } finally {
      clear();
      port.close();
    }
  });
}

/** One file without a log, proven to be sound. */
function joinLog(path: string): void {
  chmodSync(path, 0o600);
  const connection = new DatabaseSync(path);
  try {
    connection.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE");
    const row = connection.prepare("PRAGMA quick_check").get() as { readonly quick_check: string };
    if (row.quick_check !== "ok") throw new Error(`the copy is damaged: ${row.quick_check}`);
  } finally {
    connection.close();
  }
}

function sync(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
