import type { ContainerLimits } from "../../model/limits.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { refuse } from "./refusal.ts";

/** Rejects options that require a cgroup. Throws "invalid". */
export function checkCgroupMode(spec: ContainerSpec): void {
  const {
    resources: { cgroups, cgroupParent } = {},
    isolation: { namespaces = {}, privileged = false } = {},
  } = spec;
  if (cgroups !== "disabled") return;
  if (cgroupParent !== undefined) throw refuse("conflicting options: cgroups disabled and a cgroup parent");
  const without = "without a cgroup (cgroups disabled)";
  if (hasLimits(spec.resources?.limits)) throw refuse(`there can be no limits ${without}`);
  if (namespaces.cgroup === "host") throw refuse(`there is no cgroup namespace of the host's ${without}`);
  if (spec.isolation?.writableCgroups === true) throw refuse(`there are no writable cgroups ${without}`);
  if (spec.process?.systemd !== undefined) throw refuse(`systemd has nothing to manage ${without}`);
  if (namespaces.pid !== undefined && namespaces.pid !== "private")
    throw refuse(`it must have a pid namespace of its own ${without}: its processes are found by that`);
  if (privileged) return;
  // SAFETY: what keeps a container from the host's devices is its cgroup: see isWithoutDeviceList().
  if ((spec.resources?.deviceRules ?? []).length > 0)
    throw refuse(`there are no rules of devices ${without}`);
  if ((spec.isolation?.capabilities?.add ?? []).some((name) => /^(CAP_)?MKNOD$/i.test(name)))
    throw refuse(`it can't have CAP_MKNOD ${without}: nothing would keep it from the host's devices`);
}

/**
 * Whether nothing but what it may make and open itself keeps it from devices: then it can make none, and opens none
 * that an image or a volume has.
 */
export function isWithoutDeviceList({
  resources: { cgroups } = {},
  isolation: { privileged = false } = {},
}: ContainerSpec): boolean {
  return cgroups === "disabled" && !privileged;
}

export function hasLimits(limits: ContainerLimits = {}): boolean {
  return Object.values(limits).some(
    (value) => value !== undefined && value !== 0 && value !== false && value !== "",
  );
}
