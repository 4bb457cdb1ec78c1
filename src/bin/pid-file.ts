import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { Failure, sentenceOf } from "../base/failure.ts";

/**
 * Writes this process's id into a file, which disposing removes. Throws "conflict" when a process with the file's id
 * lives.
 */
export function writePidFile(path: string): Disposable {
  const before = readPid(path);
  if (before !== undefined && before !== process.pid && isAlive(before))
    throw new Failure("conflict", `cannot start the daemon: process ${before} of ${path} is still running`);
  try {
    writeFileSync(path, String(process.pid), { mode: 0o644 });
  } catch (cause) {
    throw new Failure("invalid", `cannot write the PID file: ${sentenceOf(cause)}`, { cause });
  }
  return {
    [Symbol.dispose]: () => {
      if (readPid(path) === process.pid) rmSync(path, { force: true });
    },
  };
}

function readPid(path: string): number | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
