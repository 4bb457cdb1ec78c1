import type { Fd } from "./fd.ts";
import { callAsync } from "./syscall.ts";

/** Writes all of the file system that the descriptor is on to the disk, syncfs(2), on the thread pool. */
export async function syncFilesystem(fd: Fd): Promise<void> {
  await callAsync("syncfs", fd);
}

/** Writes a file, or a directory's entries, to the disk, fsync(2), on the thread pool. Not for O_PATH. */
export async function syncFile(fd: Fd): Promise<void> {
  await callAsync("fsync", fd);
}
