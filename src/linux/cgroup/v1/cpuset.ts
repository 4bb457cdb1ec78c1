import type { CgroupV1Hierarchy } from "../../cgroup-layout.ts";
import type { Fd } from "../../fd.ts";
import { readFileAt, writeValues } from "../files.ts";

/**
 * Gives a new v1 cpuset the CPUs and memory nodes of the one above: a new one has none, and then nothing can
 * join it (ENOSPC). What is filled already stays. Does nothing in a hierarchy of other controllers.
 */
export function inheritCpuset(hierarchy: CgroupV1Hierarchy, parent: Fd, name: string): void {
  if (!hierarchy.controllers.includes("cpuset")) return;
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if ((readFileAt(parent, `${name}/${file}`) ?? "").trim() !== "") continue;
    const above = (readFileAt(parent, file) ?? "").trim();
    if (above !== "") writeValues(parent, `${name}/${file}`, [above]);
  }
}
