import { listV2BlockIo } from "../block-io.ts";
import type { CgroupWrite } from "../write.ts";
import type { EffectiveLimits } from "../limits.ts";

/** The controllers that are switched on for a container's cgroup: those with limits or figures that we use. */
export const wantedV2Controllers: readonly string[] = ["cpu", "cpuset", "io", "memory", "pids"];

const defaultPeriodUs = 100_000;

/** The writes in the v2 hierarchy, in order (cgroup-v2.rst of the kernel). */
export function planV2Writes(controllers: readonly string[], limits: EffectiveLimits): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const add = (file: string, value: number | string | undefined): void => {
    if (value !== undefined) writes.push({ file, value: String(value) });
  };
  if (controllers.includes("cpu")) {
    add("cpu.weight", limits.cpuShares === undefined ? undefined : weightOfShares(limits.cpuShares));
    add("cpu.max", formatCpuMaximum(limits));
  }
  if (controllers.includes("cpuset")) {
    add("cpuset.cpus", limits.cpusetCpus);
    add("cpuset.mems", limits.cpusetMems);
  }
  if (controllers.includes("memory")) {
    add("memory.max", limits.memoryBytes);
    add("memory.swap.max", swapMaximum(limits));
    add("memory.low", limits.memoryReservationBytes);
  }
  if (controllers.includes("pids")) add("pids.max", limits.pidsLimit);
  if (controllers.includes("io") && limits.blockIo !== undefined) {
    writes.push(...listV2BlockIo(limits.blockIo));
  }
  if (controllers.includes("hugetlb")) {
    for (const { file, bytes } of limits.hugePageFiles ?? []) add(file, bytes);
  }
  // The caller's own values come last: they win.
  for (const [file, value] of Object.entries(limits.unified ?? {})) add(file, value);
  return writes;
}

/** v1 counts shares from 2 to 262144, v2 weights from 1 to 10000: the line that runc and systemd draw. */
export function weightOfShares(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}

function formatCpuMaximum(limits: EffectiveLimits): string | undefined {
  const { cpuQuotaUs, cpuPeriodUs } = limits;
  if (cpuQuotaUs === undefined && cpuPeriodUs === undefined) return undefined;
  const quota = cpuQuotaUs === undefined || cpuQuotaUs < 0 ? "max" : cpuQuotaUs;
  return `${quota} ${cpuPeriodUs ?? defaultPeriodUs}`;
}

/** v1 limits memory and swap together, v2 swap alone. */
function swapMaximum(limits: EffectiveLimits): number | string | undefined {
  const { memoryBytes, memorySwapBytes } = limits;
  if (memorySwapBytes === undefined) return undefined;
  return memorySwapBytes < 0 ? "max" : memorySwapBytes - (memoryBytes ?? 0);
}
