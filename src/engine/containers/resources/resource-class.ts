import type { OwnedFd } from "../../../linux/kernel/fd.ts";
import { openResctrlTasks } from "../../../linux/cgroup/resctrl.ts";
import type { ContainerSpec } from "../../../model/container-spec.ts";

/** The file by which the container's processes join their class; undefined without one. The caller disposes of it. */
export function openClass({
  resources: { rdtClass } = {},
}: Pick<ContainerSpec, "resources">): OwnedFd | undefined {
  return rdtClass === undefined ? undefined : openResctrlTasks(rdtClass);
}
