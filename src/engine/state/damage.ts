import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Failure, sentenceOf } from "../../base/failure.ts";

/** SPEC: https://www.sqlite.org/rescode.html; the lowest 8 bits. */
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Whether an error reports a damaged database: its pages, or the content of a row. */
export function isDamage(thrown: unknown): boolean {
  if (thrown instanceof SyntaxError) return true;
  if (!(thrown instanceof Error) || !("errcode" in thrown) || typeof thrown.errcode !== "number")
    return false;
  return [SQLITE_CORRUPT, SQLITE_NOTADB].includes(thrown.errcode & 0xff);
}

export function damagedState(dataRoot: string, thrown: unknown): Failure {
  const sentence = `cannot open the data root "${dataRoot}": its records (state.db) are damaged (${sentenceOf(thrown)})`;
  return new Failure("corrupt", `${sentence}; ${advice(dataRoot)}`, { cause: thrown });
}

/**
 * For a data root without records. Throws "corrupt" when it has content: with new records all of that would be garbage.
 */
export function requireEmpty(dataRoot: string): void {
  const found = findContent(dataRoot);
  if (found === undefined) return;
  const sentence = `cannot open the data root "${dataRoot}": it has content (${found}), but its records (state.db) are lost`;
  throw new Failure("corrupt", `${sentence}; ${advice(dataRoot)}`);
}

function advice(dataRoot: string): string {
  return `stop the daemon, if one runs, and run: tare --data-root ${dataRoot} system repair`;
}

/** Below the data root: each has an entry for each object. */
const paths = ["containers", "volumes", "secrets", "content/blobs/sha256", "content/blobs/sha512"];

/** A path of some object in the data root; undefined when it has none. */
function findContent(dataRoot: string): string | undefined {
  const drivers = namesIn(join(dataRoot, "storage"));
  const stored = drivers.flatMap((driver) => [`storage/${driver}/layers`, `storage/${driver}/snapshots`]);
  for (const directory of [...paths, ...stored]) {
    const name = namesIn(join(dataRoot, directory)).find((entry) => !entry.startsWith("."));
    if (name !== undefined) return `${directory}/${name}`;
  }
  return undefined;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // absent, or no directory
  }
}
