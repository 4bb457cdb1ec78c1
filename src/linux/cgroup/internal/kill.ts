import { type CgroupHierarchy, findController } from "../layout.ts";
import type { Fd } from "../../kernel/fd.ts";
import { OwnedFd } from "../../kernel/fd.ts";
import { attempt } from "../../kernel/syscall.ts";
import { isForcedAbsent } from "../../kernel/without.ts";
import { isGone, readFileAt, writeValues } from "./files.ts";
import { walkCgroups } from "./walk.ts";
import type { CgroupParentDirectory } from "./parent-directory.ts";

const SIGKILL = 9;

/** The processes of a cgroup and of all below it. Those that our pid namespace cannot see are left out. */
export function listPids(directory: Fd, name: string): number[] {
  const pids: number[] = [];
  walkCgroups(directory, name, {
    enter: (cgroup) => {
      for (const line of (readFileAt(cgroup, "cgroup.procs") ?? "").split("\n")) {
        if (line !== "" && line !== "0") pids.push(Number(line));
      }
    },
  });
  return pids;
}

/** Everything at once, forks included (Linux 5.14). False when that has to be done one by one. */
export function killV2(directory: Fd, name: string): boolean {
  if (isForcedAbsent("cgroup.kill")) return false;
  try {
    writeValues(directory, `${name}/cgroup.kill`, ["1"]);
    return true;
  } catch (thrown) {
    if (isGone(thrown)) return readFileAt(directory, `${name}/cgroup.procs`) === undefined;
    throw thrown;
  }
}

/** One by one; forks are stopped first, or a fork bomb would outrun this. */
export function killByList(parent: CgroupParentDirectory, name: string, hierarchy: CgroupHierarchy): void {
  const directory = parent.directoryIn(hierarchy);
  const first = listPids(directory, name);
  if (first.length === 0) return;
  forbidForks(parent, name);
  const targets = first.map((pid) => ({ pid, pidfd: attempt("pidfd_open", pid, 0) }));
  try {
    // SAFETY: a pid may have gone to another process since the list was read. One that is still listed after its
    // pidfd was opened is either the one that the pidfd stands for, or that one has ended and hears nothing.
    const still = new Set(listPids(directory, name));
    for (const { pid, pidfd } of targets) {
      if (pidfd >= 0 && still.has(pid)) attempt("pidfd_send_signal", pidfd, SIGKILL, null, 0);
    }
  } finally {
    for (const { pidfd } of targets) if (pidfd >= 0) new OwnedFd(pidfd)[Symbol.dispose]();
  }
}

function forbidForks(parent: CgroupParentDirectory, name: string): void {
  const pids = findController(parent.layout, "pids");
  if (pids === undefined) return;
  try {
    writeValues(parent.directoryIn(pids), `${name}/pids.max`, ["0"]);
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown;
  }
}
