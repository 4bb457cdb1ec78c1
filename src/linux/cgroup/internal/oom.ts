import type { CgroupHierarchy } from "../layout.ts";
import type { Fd } from "../../kernel/fd.ts";
import { findStatAt } from "../../files/stat.ts";
import { parseFlatKeyed, readFileAt } from "./files.ts";
import { isLeaf, walkCgroups } from "./walk.ts";

/** v1 counts in each cgroup for itself, so all below are added; v2 counts for the subtree. */
export function readOomKills(directory: Fd, name: string, hierarchy: CgroupHierarchy): number {
  if (hierarchy.version === 2) {
    return killsIn(directory, `${name}/memory.events`);
  }
  const own = killsIn(directory, `${name}/memory.oom_control`);
  // Hardly any has others below it: it needs not be entered.
  if (isLeaf(findStatAt(directory, name))) return own;
  let kills = 0;
  walkCgroups(directory, name, { enter: (cgroup) => (kills += killsIn(cgroup, "memory.oom_control")) });
  return kills;
}

function killsIn(directory: Fd, path: string): number {
  return parseFlatKeyed(readFileAt(directory, path) ?? "").get("oom_kill") ?? 0;
}
