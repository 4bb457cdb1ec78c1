import { existsSync } from "node:fs";
import { join } from "node:path";
import { detectCgroups, hierarchiesOf } from "../../linux/cgroup/layout.ts";
import { listMounts } from "../../linux/mount/mountinfo.ts";
import type { CgroupFacts } from "./facts.ts";
import { findText } from "./read-text.ts";

export function readCgroups(): CgroupFacts {
  const layout = detectCgroups();
  const hierarchies = hierarchiesOf(layout);
  const controllers: Readonly<Record<string, 1 | 2>> = Object.fromEntries(
    [...hierarchies]
      .reverse()
      .flatMap(({ version, controllers: names }) => names.map((name) => [name, version])),
  );
  const v1 = layout.v1.some(({ controllers: names }) => names.length > 0);
  const { v2 } = layout;
  const mounts = listMounts();
  const isReadOnly = hierarchies.some(({ mountPath }) =>
    mounts.findLast(({ target }) => target === mountPath)?.options.includes("ro"),
  );
  return {
    version: v2 === undefined ? (v1 ? "v1" : "none") : v1 ? "hybrid" : "v2",
    unifiedPath: v2?.mountPath,
    controllers,
    disabled: parseDisabled(findText("/proc/cgroups") ?? ""),
    isReadOnly,
    hasSwapAccounting: layout.swapAccounting,
    // KERNEL(5.2): each cgroup of v2 but the topmost has cgroup.freeze; no kernel that Tare runs on lacks it.
    hasFreezer: controllers["freezer"] !== undefined || v2 !== undefined,
    hasPressure: existsSync(join("/proc", "pressure", "cpu")),
  };
}

/** Of /proc/cgroups, cgroups(7): those whose last column is 0. Pure. */
export function parseDisabled(text: string): readonly string[] {
  return text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.split("\t"))
    .filter((columns) => columns[3] === "0")
    .map(([name = ""]) => name);
}
