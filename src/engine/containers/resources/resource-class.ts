import type { OwnedFd } from "../../../linux/kernel/fd.ts";
import { openResctrlTasks } from "../../../linux/cgroup/resctrl.ts";
import type { ContainerSpec } from "../../../model/containers.ts";

/** The file by which the container's processes join their class; undefined without one. The caller disposes of it. */
export function openClass({ rdtClass }: Pick<ContainerSpec, "rdtClass">): OwnedFd | undefined {
  return rdtClass === undefined ? undefined : openResctrlTasks(rdtClass);
}
