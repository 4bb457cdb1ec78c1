import type { CgroupLimits } from "../../model/limits.ts";
import type { CgroupHierarchy, CgroupLayout } from "./layout.ts";
import { effectiveLimits } from "./internal/effective-limits.ts";
import { planV1Writes } from "./internal/v1/writes.ts";
import { planV2Writes } from "./internal/v2/writes.ts";
import type { CgroupWrite } from "./internal/write.ts";
import type { DeviceRule } from "./device-rules.ts";

/** The steps in one hierarchy: create the directory, then the writes in their order. */
export interface CgroupHierarchyPlan {
  readonly hierarchy: CgroupHierarchy;
  readonly writes: readonly CgroupWrite[];
}

/** A cgroup as data: one directory in each hierarchy of the host. */
export interface CgroupPlan {
  readonly hierarchies: readonly CgroupHierarchyPlan[];
  /** The rules that v2 enforces with a BPF program; v1 has them among its writes. Absent: every device may be used. */
  readonly deviceFilter?: readonly DeviceRule[] | undefined;
  /** Limits that this host cannot keep, in Docker's words. */
  readonly warnings: readonly string[];
}

/**
 * Decides where each limit goes, controller by controller. Pure. Throws "invalid" for limits that can never hold:
 * too small, contradicting each other, beyond this machine. `devices` is the whole allow-list; absent allows all
 * (a privileged container).
 */
export function planCgroup(
  limits: CgroupLimits,
  layout: CgroupLayout,
  options: { readonly devices?: readonly DeviceRule[] | undefined } = {},
): CgroupPlan {
  const { limits: effective, warnings } = effectiveLimits(limits, layout);
  const { devices } = options;
  const devicesOnV1 = layout.v1.some((hierarchy) => hierarchy.controllers.includes("devices"));
  const hierarchies: CgroupHierarchyPlan[] = layout.v1.map((hierarchy) => ({
    hierarchy,
    writes: planV1Writes(hierarchy.controllers, effective, devices),
  }));
  const { v2 } = layout;
  if (v2 !== undefined) {
    hierarchies.unshift({ hierarchy: v2, writes: planV2Writes(v2.controllers, effective) });
  }
  const filter = devices !== undefined && !devicesOnV1 && v2 !== undefined;
  return { hierarchies, deviceFilter: filter ? devices : undefined, warnings };
}
