import type { Fd } from "../kernel/fd.ts";
import { statFd } from "./stat.ts";
import { callAsync } from "../kernel/syscall.ts";

interface Syncing {
  readonly running: Promise<void>;
  /** Begins when that has ended: what was written after its beginning is not in it. */
  next: Promise<void> | undefined;
}

const syncing = new Map<number, Syncing>();

/**
 * Writes all of the file system that the descriptor is on to the disk, syncfs(2), on the thread pool. Calls that come
 * while one runs share the next one.
 */
export async function syncFilesystem(fd: Fd): Promise<void> {
  const { device } = statFd(fd);
  const found = syncing.get(device);
  if (found === undefined) return await begin(device, fd);
  found.next ??= found.running
    .catch(() => undefined) // callers that wait for it receive the error
    .then(() => begin(device, fd));
  await found.next;
}

async function begin(device: number, fd: Fd): Promise<void> {
  const running = callAsync("syncfs", fd).then(() => undefined);
  const entry: Syncing = { running, next: undefined };
  syncing.set(device, entry);
  try {
    await running;
  } finally {
    if (entry.next === undefined) syncing.delete(device);
  }
}

/** Writes a file, or a directory's entries, to the disk, fsync(2), on the thread pool. Not for O_PATH. */
export async function syncFile(fd: Fd): Promise<void> {
  await callAsync("fsync", fd);
}
