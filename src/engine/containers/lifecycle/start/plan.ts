import type { CgroupLayout } from "../../../../linux/cgroup/layout.ts";
import { type CgroupPlan, planCgroup } from "../../../../linux/cgroup/plan.ts";
import { formatRuntimeResources } from "../../../../linux/cgroup/runtime-resources.ts";
import type { RuntimeConfig } from "../../../../spec/runtime-config.ts";
import type { CgroupLimits, ContainerLimits } from "../../../../model/limits.ts";
import { cgroupLimitsOf } from "../../../resolve/block-devices.ts";
import { resolveLogRotation } from "../../../resolve/log-rotation.ts";
import { toRuntimeConfig } from "../../../resolve/runtime-config.ts";
import type { HostPart } from "../../../dependencies.ts";
import type { ContainerRecord } from "../../../state/records.ts";
import type { PreparedStart } from "./prepare.ts";

/** The request to the runtime and the kernel. */
export interface PlannedStart {
  readonly config: RuntimeConfig;
  /** Absent: the container has no cgroup of its own. */
  readonly cgroup: CgroupPlan | undefined;
  /** Of the cgroup of its pod; absent: that has no limits. */
  readonly cgroupAbove: CgroupPlan | undefined;
  /** Absent: no log is kept. */
  readonly logRotation: ReturnType<typeof resolveLogRotation>;
}

/** Turns what was prepared into the runtime's configuration and the cgroups' files. Changes nothing. */
export function planLaunch(
  { spec }: Pick<ContainerRecord, "spec">,
  { plan, facts, deviceRules }: Pick<PreparedStart, "plan" | "facts" | "deviceRules">,
  {
    host,
    layout,
    podLimits,
  }: {
    readonly host: Pick<HostPart, "findBlockDevice">;
    readonly layout: CgroupLayout;
    readonly podLimits: ContainerLimits | undefined;
  },
): PlannedStart {
  const hasCgroup = spec.resources?.cgroups !== "disabled";
  const withNumbers = (limits: ContainerLimits): CgroupLimits => cgroupLimitsOf(limits, host.findBlockDevice);
  const limits = withNumbers(plan.limits);
  return {
    config: toRuntimeConfig(spec, { plan, facts, resources: formatRuntimeResources(limits) }),
    cgroup: hasCgroup
      ? planCgroup(limits, layout, deviceRules === undefined ? {} : { devices: deviceRules })
      : undefined,
    cgroupAbove:
      hasCgroup && podLimits !== undefined ? planCgroup(withNumbers(podLimits), layout) : undefined,
    logRotation: resolveLogRotation(spec.storage?.log),
  };
}
