import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { Failure } from "../base/failure.ts";

const fileMode = 0o640;

/**
 * SAFETY: the file's name comes from a pod: a link, FIFO or device at the path is refused, and nothing waits for it.
 * The caller closes the descriptor.
 */
export function openLogFile(path: string): number {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, fileMode);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new Failure("conflict", `cannot write the log file "${path.slice(0, 300)}": it is no regular file`);
}
