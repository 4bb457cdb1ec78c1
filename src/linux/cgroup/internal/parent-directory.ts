import type { CgroupHierarchy, CgroupLayout } from "../layout.ts";
import type { Fd } from "../../kernel/fd.ts";
import type { CgroupWrite } from "./write.ts";

/** The operations on the parent directory that one cgroup needs; CgroupParent implements them. */
export interface CgroupParentDirectory {
  readonly layout: CgroupLayout;
  readonly path: string;
  directoryIn(hierarchy: CgroupHierarchy): Fd;
  /** Raises limits of the parents for the values that are about to be written in the cgroup of that name. */
  raiseLimits(hierarchy: CgroupHierarchy, name: string, writes: readonly CgroupWrite[]): void;
}
