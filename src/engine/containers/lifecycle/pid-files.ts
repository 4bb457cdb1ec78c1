import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { codeOf, Failure, sentenceOf } from "../../../base/failure.ts";
import type { ContainerSpec } from "../../../model/container-spec.ts";

/** The pids to write to the files that a container's spec names. */
export interface WrittenPids {
  /** Of its first process, on the host. */
  readonly pid: number;
  readonly keeperPid: number;
}

/**
 * Opens the files before the start, so that one that can't be written stops it; they are filled by write(), which
 * replaces what an earlier run left there. Throws "invalid" for what is no regular file.
 */
export function openPidFiles({
  lifecycle: { pidFile, keeperPidFile } = {},
}: ContainerSpec): Disposable & { write(pids: WrittenPids): void } {
  using opened = new DisposableStack();
  const open = (path: string | undefined): number | undefined =>
    path === undefined ? undefined : opened.adopt(openPidFile(path), closeSync);
  const [own, keeper] = [open(pidFile), open(keeperPidFile)];
  const held = opened.move();
  return {
    write: ({ pid, keeperPid }) => {
      if (own !== undefined) fill(own, pid);
      if (keeper !== undefined) fill(keeper, keeperPid);
    },
    [Symbol.dispose]: () => held.dispose(),
  };
}

/**
 * SAFETY: it may lie where others can write: a link there is not followed, and nothing but a regular file is taken,
 * whose content goes only when there is something to put in its place.
 */
function openPidFile(path: string): number {
  const refuse = (detail: string, cause?: unknown): Failure =>
    new Failure("invalid", `cannot write the PID file ${JSON.stringify(path)}: ${detail}`, { cause });
  let fd: number;
  try {
    const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
    fd = openSync(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
  } catch (thrown) {
    const code = codeOf(thrown) ?? "";
    if (code === "ELOOP") throw refuse("it is a symbolic link", thrown);
    if (code === "ENXIO" || code === "EISDIR") throw refuse("it is no regular file", thrown);
    if (code === "ENOENT") throw refuse("its directory is not there", thrown);
    throw refuse(sentenceOf(thrown), thrown);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw refuse("it is no regular file");
}

function fill(fd: number, pid: number): void {
  ftruncateSync(fd);
  writeSync(fd, String(pid), 0);
}
