import { closeSync, constants, openSync, writeFileSync, writeSync } from "node:fs";
import { codeOf, within } from "../../base/failure.ts";
import { formatIdMap, type IdMaps } from "../../spec/id-map.ts";
import { OwnedFd } from "../kernel/fd.ts";

/**
 * Writes the ID maps of a process's new user namespace: once, before the process can act as any user. The caller
 * ensures that the pid is not reused meanwhile (its parent waits); a namespace with ID maps refuses the write.
 */
export function writeIdMaps(pid: number, { uids, gids }: IdMaps): void {
  for (const [file, ranges] of [
    ["uid_map", uids],
    ["gid_map", gids],
  ] as const) {
    const text = formatIdMap(ranges);
    try {
      // KERNEL: all of the map in one write.
      const fd = openSync(`/proc/${pid}/${file}`, constants.O_WRONLY);
      try {
        writeSync(fd, text);
      } finally {
        closeSync(fd);
      }
    } catch (thrown) {
      throw within(
        `cannot map the ids "${text.trimEnd().replaceAll("\n", ", ")}" into the user namespace`,
        thrown,
      );
    }
  }
}

/** A descriptor that keeps the user namespace of a process, also when the process has ended. */
export function openUserNamespace(pid: number): OwnedFd {
  return new OwnedFd(openSync(`/proc/${pid}/ns/user`, constants.O_RDONLY));
}

/** Of another process; what this engine may not set (it lacks CAP_SYS_RESOURCE) stays as it is. */
export function trySetOutOfMemoryScore(pid: number, score: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(score));
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code !== "EACCES" && code !== "EPERM") throw thrown;
  }
}
