import { chmodSync, closeSync, fsyncSync, openSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** Suffix of the write-ahead log that SQLite may keep next to a database. */
export const logSuffix = "-wal";

const suffixes = ["", logSuffix, "-shm", "-journal"] as const;

/**
 * Makes one file of a database and its log, proves that it is sound, and brings it to the disk. Throws when it is
 * damaged.
 */
export function joinLog(path: string): void {
  chmodSync(path, 0o600);
  const connection = new DatabaseSync(path);
  try {
    connection.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE");
    const result = connection.prepare("PRAGMA quick_check").get()?.["quick_check"];
    if (result !== "ok") throw new Error(`the copy is damaged: ${String(result)}`);
  } finally {
    connection.close();
  }
  syncPath(path);
}

/** Brings a file, or the names in a directory, to the disk. */
export function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** With its log; fine when absent. */
export function removeDatabase(path: string): void {
  for (const suffix of suffixes) rmSync(`${path}${suffix}`, { force: true });
}
