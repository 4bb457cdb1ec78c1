import {
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { sleep } from "../../base/deadline.ts";
import { Failure, within } from "../../base/failure.ts";
import { tryLock } from "../../linux/files/file-lock.ts";
import { findProcessStatistics } from "../../linux/process/process.ts";

/** A directory that one engine has to itself, for as long as this is not disposed of (or the process lives). */
export class LockedRoot implements Disposable {
  readonly path: string;
  readonly #lock: number;

  constructor(path: string, lock: number) {
    this.path = path;
    this.#lock = lock;
  }

  [Symbol.dispose](): void {
    closeSync(this.#lock);
  }
}

/** How long a lock may outlive its holder: a child that was just being made has copies of every descriptor. */
const GHOST_MS = 2_000;

/** Makes the directory (0700) when absent and locks it. "conflict" naming the holder's pid when it is held. */
export async function lockRoot(path: string, name: "data root" | "run root"): Promise<LockedRoot> {
  const what = `cannot open the ${name} "${path}"`;
  const file = join(path, "lock");
  let fd: number;
  try {
    ensurePrivateDirectory(path);
    fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (thrown) {
    throw within(what, thrown);
  }
  try {
    await lockOrGhost(fd, file, what);
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
  try {
    ftruncateSync(fd, writeSync(fd, `${process.pid}\n`, 0));
  } catch {
    // A full disk: the process that holds the lock is unknown, and everything else may continue.
  }
  return new LockedRoot(path, fd);
}

/** The directory with all above it, 0700. Idempotent. */
export function ensurePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
}

async function lockOrGhost(fd: number, file: string, what: string): Promise<void> {
  const until = performance.now() + GHOST_MS;
  while (!tryLock(fd, "exclusive")) {
    const pid = Number(readFileSync(file, "latin1").trim());
    if (performance.now() > until || isThere(pid)) throw held(what, pid);
    await sleep(5);
  }
}

function isThere(pid: number): boolean {
  const state = Number.isSafeInteger(pid) && pid > 0 ? findProcessStatistics(pid)?.state : undefined;
  return state !== undefined && state !== "Z";
}

function held(what: string, pid: number): Failure {
  const holder = Number.isSafeInteger(pid) && pid > 0 ? `process ${pid}` : "another process";
  return new Failure("conflict", `${what}: ${holder} holds it`, {
    details: { holderPid: pid },
  });
}
