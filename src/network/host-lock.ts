import { closeSync, constants, fstatSync, openSync, rmSync, statSync } from "node:fs";
import { poll } from "../base/deadline.ts";
import { within } from "../base/failure.ts";
import { tryLock } from "../linux/files/file-lock.ts";

const TIMEOUT_MS = 30_000;

/**
 * Locks out the other engines of this network namespace, for the time in which an engine finds a free subnet and makes
 * a bridge with it. The caller disposes of the lock.
 */
export async function lockHostNetworks(): Promise<Disposable> {
  const { path, isOfHost } = findLock();
  const what = `lock "${path}" (another engine holds it)`;
  let fd = openLock(path);
  try {
    await poll(
      () => {
        if (!tryLock(fd, "exclusive")) return undefined;
        if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) return true;
        // The engine that held it has removed the file.
        const next = openLock(path);
        closeSync(fd);
        fd = next;
        return undefined;
      },
      { timeoutMs: TIMEOUT_MS, what },
    );
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
  return {
    [Symbol.dispose]: () => {
      // The file of a namespace would stay after the namespace has ended.
      if (!isOfHost) rmSync(path, { force: true });
      closeSync(fd);
    },
  };
}

/** In a directory that only root can write to: no other user can hold it. */
function findLock(): { readonly path: string; readonly isOfHost: boolean } {
  const own = statSync("/proc/self/ns/net").ino;
  if (own === findHostNamespace()) return { path: "/run/tare-networks.lock", isOfHost: true };
  return { path: `/run/tare-networks-${own}.lock`, isOfHost: false };
}

function findHostNamespace(): number | undefined {
  try {
    return statSync("/proc/1/ns/net").ino;
  } catch {
    return undefined; // hidden from a process without the right to look at it
  }
}

function openLock(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (thrown) {
    throw within(`cannot open the lock "${path}"`, thrown);
  }
}
