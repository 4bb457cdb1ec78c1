import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerId } from "../../model/ids.ts";

/** Where a pod with limits has its containers, below the engine's own cgroup. */
export function podCgroupOf(pod: ContainerId): string {
  return `pod-${pod}`;
}

/**
 * Whether the pod that this container holds has limits: then all its containers are in one more cgroup, which has them.
 */
export function hasPodCgroup({
  id,
  spec,
}: {
  readonly id: ContainerId;
  readonly spec: ContainerSpec;
}): boolean {
  return spec.resources?.cgroupParent === podCgroupOf(id);
}
