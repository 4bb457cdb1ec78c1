import type { CgroupHierarchy, CgroupLayout } from "../cgroup-layout.ts";
import type { Fd } from "../fd.ts";

/** What the work on one cgroup needs of the directory above it; CgroupParent is it. */
export interface CgroupPlace {
  readonly layout: CgroupLayout;
  readonly path: string;
  directoryIn(hierarchy: CgroupHierarchy): Fd;
}
