import type { DeviceRule } from "../../device-rules.ts";
import { listV1BlockIo } from "../block-io.ts";
import type { CgroupWrite } from "../write.ts";
import type { EffectiveLimits } from "../limits.ts";

/** The writes in a v1 hierarchy with these controllers, in order (cgroup-v1/*.rst of the kernel). */
export function planV1Writes(
  controllers: readonly string[],
  limits: EffectiveLimits,
  devices: readonly DeviceRule[] | undefined,
): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const add = (file: string, value: number | string | undefined): void => {
    if (value !== undefined) writes.push({ file, value: String(value) });
  };
  if (controllers.includes("cpu")) {
    add("cpu.shares", limits.cpuShares);
    add("cpu.cfs_period_us", limits.cpuPeriodUs); // before the quota, which the kernel checks against it
    add("cpu.cfs_quota_us", limits.cpuQuotaUs);
    add("cpu.rt_period_us", limits.cpuRealtimePeriodUs);
    add("cpu.rt_runtime_us", limits.cpuRealtimeRuntimeUs);
  }
  if (controllers.includes("cpuset")) {
    add("cpuset.cpus", limits.cpusetCpus);
    add("cpuset.mems", limits.cpusetMems);
  }
  if (controllers.includes("memory")) {
    add("memory.limit_in_bytes", limits.memoryBytes);
    add("memory.memsw.limit_in_bytes", limits.memorySwapBytes); // after it: never below
    add("memory.soft_limit_in_bytes", limits.memoryReservationBytes);
    add("memory.swappiness", limits.memorySwappiness);
    add("memory.kmem.tcp.limit_in_bytes", limits.kernelTcpBytes);
    add("memory.oom_control", limits.oomKillDisable ? 1 : undefined);
  }
  if (controllers.includes("blkio") && limits.blockIo !== undefined) {
    writes.push(...listV1BlockIo(limits.blockIo));
  }
  if (controllers.includes("hugetlb")) {
    for (const { file, bytes } of limits.hugePageFiles ?? []) add(file, bytes);
  }
  if (controllers.includes("pids")) add("pids.max", limits.pidsLimit);
  if (controllers.includes("devices") && devices !== undefined) {
    add("devices.deny", "a");
    for (const rule of devices) add("devices.allow", formatDeviceRule(rule));
  }
  return writes;
}

function formatDeviceRule(rule: DeviceRule): string {
  return `${rule.type} ${rule.major ?? "*"}:${rule.minor ?? "*"} ${rule.access}`;
}
