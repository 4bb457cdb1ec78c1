import type { CgroupV1Hierarchy } from "../../layout.ts";
import type { Fd } from "../../../kernel/fd.ts";
import { readFileAt, writeValues } from "../files.ts";

/** When this file exists, so do the others: it is written last. */
const lastFile = "cpuset.mems";

/**
 * From now on the kernel itself gives cpusets that are made below this one what this one has. (Unless one of them is
 * exclusive: inheritCpuset() looks.)
 */
export function letCpusetsInherit(hierarchy: CgroupV1Hierarchy, directory: Fd): void {
  if (hierarchy.controllers.includes("cpuset")) writeValues(directory, "cgroup.clone_children", ["1"]);
}

/**
 * Gives a new v1 cpuset the CPUs and memory nodes of the one above: a new one has none, and then nothing can
 * join it (ENOSPC). What is filled already stays. Does nothing in a hierarchy of other controllers.
 */
export function inheritCpuset(hierarchy: CgroupV1Hierarchy, parent: Fd, name: string): void {
  if (!hierarchy.controllers.includes("cpuset")) return;
  const isFilled = (file: string): boolean => (readFileAt(parent, `${name}/${file}`) ?? "").trim() !== "";
  if (isFilled(lastFile)) return;
  for (const file of ["cpuset.cpus", lastFile]) {
    if (isFilled(file)) continue;
    const above = (readFileAt(parent, file) ?? "").trim();
    if (above !== "") writeValues(parent, `${name}/${file}`, [above]);
  }
}
