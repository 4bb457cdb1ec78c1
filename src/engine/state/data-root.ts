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
import { Failure, within } from "../../base/failure.ts";
import { tryLock } from "../../linux/file-lock.ts";

/** The directory that one engine has to itself, for as long as this is not disposed of (or the process lives). */
export class DataRoot implements Disposable {
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

/** Makes the directory (0700) when absent and locks it. "conflict" naming the holder's pid when it is held. */
export function lockDataRoot(path: string): DataRoot {
  const file = join(path, "lock");
  let fd: number;
  try {
    ensurePrivateDirectory(path);
    fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (thrown) {
    throw within(`cannot open the data root "${path}"`, thrown);
  }
  if (!tryLock(fd, "exclusive")) {
    closeSync(fd);
    throw held(path, file);
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0);
  return new DataRoot(path, fd);
}

/** The directory with all above it, 0700. Idempotent. */
export function ensurePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
}

function held(path: string, file: string): Failure {
  const pid = Number(readFileSync(file, "latin1").trim());
  const holder = Number.isSafeInteger(pid) && pid > 0 ? `process ${pid}` : "another process";
  return new Failure("conflict", `cannot open the data root "${path}": ${holder} holds it`, {
    details: { holderPid: pid },
  });
}
