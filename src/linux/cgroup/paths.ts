import type { CgroupHierarchy } from "./layout.ts";
import { readFileAt } from "./internal/files.ts";
import { AT_FDCWD } from "../constants/open.ts";

/** The paths of a process in all hierarchies: v2 under "", v1 under its controllers or `name=…`. */
export function readCgroupPaths(pid: number | "self"): ReadonlyMap<string, string> {
  return parseCgroupPaths(readCgroupFile(pid));
}

/** The kernel's list of a process's cgroups; "" when it is gone. */
export function readCgroupFile(pid: number | "self"): string {
  return readFileAt(AT_FDCWD, `/proc/${pid}/cgroup`) ?? "";
}

/** Of what readCgroupFile() gave. */
export function parseCgroupPaths(text: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match !== null) paths.set(match[1] ?? "", match[2] ?? "");
  }
  return paths;
}

/** The path of a process in one hierarchy, from what readCgroupPaths() gave; "/" when it is not listed. */
export function pathIn(paths: ReadonlyMap<string, string>, hierarchy: CgroupHierarchy): string {
  if (hierarchy.version === 2) return paths.get("") ?? "/";
  const wanted = hierarchy.controllers[0] ?? `name=${hierarchy.name}`;
  for (const [names, path] of paths) if (names.split(",").includes(wanted)) return path;
  return "/";
}
