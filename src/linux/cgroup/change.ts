import type { CgroupLimits } from "../../model/limits.ts";
import type { CgroupHierarchy, CgroupLayout } from "./layout.ts";
import { effectiveLimits } from "./internal/effective-limits.ts";
import { planV1Writes } from "./internal/v1/writes.ts";
import { planV2Writes } from "./internal/v2/writes.ts";
import type { CgroupWrite } from "./internal/write.ts";
import type { EffectiveLimits } from "./internal/limits.ts";

/** New limits for a cgroup that lives, as data: the writes of each hierarchy in their order. */
export interface CgroupChange {
  readonly hierarchies: readonly {
    readonly hierarchy: CgroupHierarchy;
    readonly writes: readonly CgroupWrite[];
  }[];
  readonly warnings: readonly string[];
}

/** The values that remove a limit, by file. */
const lifted: Readonly<Record<string, string>> = {
  "cpu.shares": "1024",
  "cpu.cfs_quota_us": "-1",
  "cpu.cfs_period_us": "100000",
  "memory.limit_in_bytes": "-1",
  "memory.memsw.limit_in_bytes": "-1",
  "memory.soft_limit_in_bytes": "-1",
  "pids.max": "max",
  "cpu.weight": "100",
  "cpu.max": "max 100000",
  "memory.max": "max",
  "memory.swap.max": "max",
  "memory.low": "0",
  "memory.swappiness": "60",
  "cpu.rt_runtime_us": "0",
  "cpu.rt_period_us": "1000000",
  "blkio.weight": "500",
  "blkio.bfq.weight": "100",
  "io.weight": "default 100",
  "io.bfq.weight": "default 100",
};

/** The same of what there was a limit for by device, behind the device's number. */
const liftedOfDevice: Readonly<Record<string, string>> = {
  "blkio.throttle.read_bps_device": "0",
  "blkio.throttle.write_bps_device": "0",
  "blkio.throttle.read_iops_device": "0",
  "blkio.throttle.write_iops_device": "0",
  "io.max": "rbps=max wbps=max riops=max wiops=max",
  "io.weight": "default",
};

/** The value of such a line, or file, without a limit; undefined when the kernel has none. */
function liftedValue({ file, key }: CgroupWrite): string | undefined {
  if (key === undefined || key === "default") return lifted[file];
  const value = liftedOfDevice[file];
  return value === undefined ? undefined : `${key} ${value}`;
}

/** Only what differs is written. Pure. Throws "invalid" as planCgroup() does. */
export function planCgroupChange(from: CgroupLimits, to: CgroupLimits, layout: CgroupLayout): CgroupChange {
  const { limits: before, warnings: known } = effectiveLimits(from, layout);
  const { limits: after, warnings } = effectiveLimits(to, layout);
  const v1 = layout.v1.map((hierarchy) => {
    const plan = (limits: EffectiveLimits): CgroupWrite[] =>
      planV1Writes(hierarchy.controllers, limits, undefined);
    const writes = differences(plan(before), plan(after));
    return { hierarchy, writes: raisesSwap(before, after) ? swapFirst(writes) : writes };
  });
  const { v2 } = layout;
  const unified =
    v2 === undefined
      ? []
      : [
          {
            hierarchy: v2,
            writes: differences(planV2Writes(v2.controllers, before), planV2Writes(v2.controllers, after)),
          },
        ];
  return {
    hierarchies: [...unified, ...v1].filter(({ writes }) => writes.length > 0),
    warnings: warnings.filter((warning) => !known.includes(warning)),
  };
}

function differences(before: readonly CgroupWrite[], after: readonly CgroupWrite[]): CgroupWrite[] {
  const keyOf = ({ file, key = "" }: CgroupWrite): string => `${file} ${key}`;
  const old = new Map(before.map((write) => [keyOf(write), write.value]));
  const kept = new Set(after.map(keyOf));
  const gone = before.flatMap((write): CgroupWrite[] => {
    const value = liftedValue(write);
    return kept.has(keyOf(write)) || value === undefined ? [] : [{ ...write, value }];
  });
  return [...gone, ...after.filter((write) => old.get(keyOf(write)) !== write.value)].map((write) => {
    const undo = liftedValue(write);
    return undo === undefined || write.key === undefined ? write : { ...write, undo };
  });
}

/** KERNEL: v1 always refuses a memory limit above that of memory and swap, so the order of the two writes matters. */
function raisesSwap(before: EffectiveLimits, after: EffectiveLimits): boolean {
  const size = ({ memorySwapBytes = -1 }: EffectiveLimits): number =>
    memorySwapBytes < 0 ? Number.POSITIVE_INFINITY : memorySwapBytes;
  return size(after) > size(before);
}

function swapFirst(writes: readonly CgroupWrite[]): readonly CgroupWrite[] {
  const isSwap = ({ file }: CgroupWrite): boolean => file === "memory.memsw.limit_in_bytes";
  return [...writes.filter(isSwap), ...writes.filter((write) => !isSwap(write))];
}
