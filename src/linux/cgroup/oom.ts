import type { CgroupHierarchy } from "../cgroup-layout.ts";
import type { Fd } from "../fd.ts";
import { parseFlatKeyed, readFileAt } from "./files.ts";
import { walkCgroups } from "./walk.ts";

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
