import { closeSync, constants, openSync } from "node:fs";
import { poll } from "../base/deadline.ts";
import { within } from "../base/failure.ts";
import { tryLock } from "../linux/file-lock.ts";

/** In a directory that root alone can write to: nobody else can hold it. */
const path = "/run/tare-networks.lock";
const TIMEOUT_MS = 30_000;

/** What all engines of the host hold, one after the other, while they look for a free subnet and make a bridge of it. The caller disposes of it. */
export async function lockHostNetworks(): Promise<Disposable> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (thrown) {
    throw within(`cannot open the lock "${path}"`, thrown);
  }
  try {
    const what = `lock "${path}", which another engine holds`;
    await poll(() => (tryLock(fd, "exclusive") ? true : undefined), { timeoutMs: TIMEOUT_MS, what });
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}
