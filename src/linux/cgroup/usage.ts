import { type CgroupHierarchy, findController } from "../cgroup-layout.ts";
import type { Fd } from "../fd.ts";
import { parseFlatKeyed, readFileAt } from "./files.ts";
import { walkCgroups } from "./walk.ts";
import type { CgroupPlace } from "./place.ts";

/** What a cgroup and all below it use; a figure that the host does not keep is absent. */
export interface CgroupUsage {
  /** Page cache included. */
  readonly memoryBytes?: number;
  /** Page cache that could be dropped at once: Docker subtracts it. */
  readonly inactiveFileBytes?: number;
  /** Absent: no limit. */
  readonly memoryLimitBytes?: number;
  readonly cpuNs?: number;
  readonly pids?: number;
}

/** v1 counts in each cgroup for itself, so all below are added; v2 counts for the subtree. */
export function readOomKills(directory: Fd, name: string, hierarchy: CgroupHierarchy): number {
  if (hierarchy.version === 2) {
    return parseFlatKeyed(readFileAt(directory, `${name}/memory.events`) ?? "").get("oom_kill") ?? 0;
  }
  let kills = 0;
  walkCgroups(directory, name, {
    enter: (cgroup) => {
      kills += parseFlatKeyed(readFileAt(cgroup, "memory.oom_control") ?? "").get("oom_kill") ?? 0;
    },
  });
  return kills;
}

export function readUsage(parent: CgroupPlace, name: string): CgroupUsage {
  const read = (controller: string, v1File: string, v2File: string): string | undefined => {
    const hierarchy = findController(parent.layout, controller);
    if (hierarchy === undefined) return undefined;
    const file = hierarchy.version === 1 ? v1File : v2File;
    return readFileAt(parent.directoryIn(hierarchy), `${name}/${file}`);
  };
  const statistics = parseFlatKeyed(read("memory", "memory.stat", "memory.stat") ?? "");
  const usage = {
    memoryBytes: numberOf(read("memory", "memory.usage_in_bytes", "memory.current")),
    inactiveFileBytes: statistics.get("total_inactive_file") ?? statistics.get("inactive_file"),
    memoryLimitBytes: limitOf(read("memory", "memory.limit_in_bytes", "memory.max")),
    cpuNs: numberOf(read("cpuacct", "cpuacct.usage", "cpu.stat")) ?? cpuOfV2(parent, name),
    pids: numberOf(read("pids", "pids.current", "pids.current")),
  };
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined));
}

/** v2 keeps CPU time without any controller. */
function cpuOfV2(parent: CgroupPlace, name: string): number | undefined {
  const { v2 } = parent.layout;
  if (v2 === undefined) return undefined;
  const text = readFileAt(parent.directoryIn(v2), `${name}/cpu.stat`) ?? "";
  const usageUs = parseFlatKeyed(text).get("usage_usec");
  return usageUs === undefined ? undefined : usageUs * 1000;
}

function numberOf(text: string | undefined): number | undefined {
  const number = Number(text?.trim());
  return text === undefined || !Number.isFinite(number) ? undefined : number;
}

/** v1 writes "no limit" as the largest whole number of pages. */
function limitOf(text: string | undefined): number | undefined {
  const limit = numberOf(text);
  return limit === undefined || limit >= 2 ** 62 ? undefined : limit;
}
