import { mergeDefined } from "../../../base/defined.ts";
import type { CgroupLimits } from "../../../model/limits.ts";
import { Failure } from "../../../base/failure.ts";
import { type CgroupLayout, findController } from "../layout.ts";
import { parseNumberList } from "./number-list.ts";
import { effectiveRareLimits } from "./rare-limits.ts";
import type { EffectiveLimits } from "./limits.ts";

/** Docker's minimum: with less, setting a container up fails in ways that name no limit. */
const minimumMemoryBytes = 6 * 1024 * 1024;
const unlimited = -1;
const nanoCpusPerCpu = 1_000_000_000;
const defaultPeriodUs = 100_000;

/** A number of CPUs (10⁹ is one) as a quota in each period. */
export function quotaOfCpus(nanoCpus: number): { readonly cpuPeriodUs: number; readonly cpuQuotaUs: number } {
  return {
    cpuPeriodUs: defaultPeriodUs,
    cpuQuotaUs: Math.floor((nanoCpus * defaultPeriodUs) / nanoCpusPerCpu),
  };
}

type Draft = { -readonly [Key in keyof EffectiveLimits]: EffectiveLimits[Key] };

/** Pure. The sentences after the colon are Docker's. */
export function effectiveLimits(
  limits: CgroupLimits,
  layout: CgroupLayout,
): { readonly limits: EffectiveLimits; readonly warnings: readonly string[] } {
  const draft: Draft = {};
  const warnings = [
    ...checkMemory(limits, layout, draft),
    ...checkCpu(limits, layout, draft),
    ...checkCpuset(limits, layout, draft),
    ...checkPids(limits, layout, draft),
  ];
  const rare = effectiveRareLimits(limits, layout);
  return {
    limits: mergeDefined<EffectiveLimits>(draft, rare.limits),
    warnings: [...warnings, ...rare.warnings],
  };
}

function checkMemory(limits: CgroupLimits, layout: CgroupLayout, draft: Draft): string[] {
  const memory = count(limits.memoryBytes, "memory limit", { minimum: 0 });
  // SPEC: dockerd takes each negative number for no limit.
  const swap = count(limits.memorySwapBytes, "memory-swap limit", { minimum: Number.MIN_SAFE_INTEGER });
  const reservation = count(limits.memoryReservationBytes, "memory reservation", {
    minimum: Number.MIN_SAFE_INTEGER,
  });
  if (memory > 0 && memory < minimumMemoryBytes) {
    throw refuse("memory limit", "Minimum memory limit allowed is 6MB");
  }
  if (reservation > 0 && reservation < minimumMemoryBytes) {
    throw refuse("memory reservation", "Minimum memory reservation allowed is 6MB");
  }
  if (memory > 0 && swap > 0 && swap < memory) {
    throw refuse(
      "memory-swap limit",
      "Minimum memoryswap limit should be larger than memory limit, see usage",
    );
  }
  if (memory === 0 && swap > 0) {
    throw refuse(
      "memory-swap limit",
      "You should always set the Memory limit when using Memoryswap limit, see usage",
    );
  }
  if (memory > 0 && reservation > memory) {
    throw refuse(
      "memory reservation",
      "Minimum memory limit can not be less than memory reservation limit, see usage",
    );
  }
  const hierarchy = findController(layout, "memory");
  if (hierarchy === undefined) {
    return memory > 0 || reservation > 0 || limits.oomKillDisable === true
      ? [missing("memory limit", "Limitation discarded.")]
      : [];
  }
  const warnings: string[] = [];
  if (memory > 0) draft.memoryBytes = memory;
  if (reservation > 0) draft.memoryReservationBytes = reservation;
  if (swap < 0 && layout.swapAccounting) draft.memorySwapBytes = unlimited;
  if (memory > 0 && swap >= 0) {
    if (layout.swapAccounting) draft.memorySwapBytes = swap > 0 ? swap : memory * 2;
    else warnings.push(missing("swap limit", "Memory limited without swap."));
  }
  if (limits.oomKillDisable !== true) return warnings;
  if (hierarchy.version === 2) {
    warnings.push("Your kernel does not support OomKillDisable. OomKillDisable discarded.");
    return warnings;
  }
  draft.oomKillDisable = true;
  if (memory === 0) {
    warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, " +
        "this can result in the system running out of resources.",
    );
  }
  return warnings;
}

function checkCpu(limits: CgroupLimits, layout: CgroupLayout, draft: Draft): string[] {
  const nano = count(limits.nanoCpus, "number of CPUs", { minimum: Number.MIN_SAFE_INTEGER });
  const shares = count(limits.cpuShares, "CPU shares", { minimum: 0 });
  const period = count(limits.cpuPeriodUs, "CPU period", { minimum: Number.MIN_SAFE_INTEGER });
  const quota = count(limits.cpuQuotaUs, "CPU quota", { minimum: Number.MIN_SAFE_INTEGER });
  const conflict = (other: string): Failure =>
    refuse("number of CPUs", `Conflicting options: Nano CPUs and ${other} cannot both be set`);
  if (nano > 0 && period > 0) throw conflict("CPU Period");
  if (nano > 0 && quota > 0) throw conflict("CPU Quota");
  const cpus = parseNumberList(layout.cpus, "cpuset cpus").size;
  if (nano > cpus * nanoCpusPerCpu || (nano !== 0 && nano < nanoCpusPerCpu / 100)) {
    const range = `range of CPUs is from 0.01 to ${cpus}.00`;
    throw refuse("number of CPUs", `${range}, as there are only ${cpus} CPUs available`);
  }
  if (period !== 0 && (period < 1000 || period > 1_000_000)) {
    throw refuse(
      "CPU period",
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    );
  }
  if (quota > 0 && quota < 1000) {
    throw refuse("CPU quota", "CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  if (findController(layout, "cpu") === undefined) {
    const asked = nano > 0 || shares > 0 || period > 0 || quota !== 0;
    return asked ? [missing("CPU shares and quota", "Shares and quota discarded.")] : [];
  }
  if (shares > 0) draft.cpuShares = Math.min(Math.max(shares, 2), 262_144);
  if (nano > 0) {
    Object.assign(draft, quotaOfCpus(nano));
  } else {
    if (period > 0) draft.cpuPeriodUs = period;
    if (quota !== 0) draft.cpuQuotaUs = Math.max(quota, unlimited);
  }
  return [];
}

function checkCpuset(limits: CgroupLimits, layout: CgroupLayout, draft: Draft): string[] {
  const cpus = limits.cpusetCpus?.trim() ?? "";
  const mems = limits.cpusetMems?.trim() ?? "";
  checkAvailable(cpus, layout.cpus, "cpuset cpus", "CPUs");
  checkAvailable(mems, layout.memoryNodes, "cpuset mems", "memory nodes");
  if (cpus === "" && mems === "") return [];
  if (findController(layout, "cpuset") === undefined) return [missing("cpuset", "Cpuset discarded.")];
  if (cpus !== "") draft.cpusetCpus = cpus;
  if (mems !== "") draft.cpusetMems = mems;
  return [];
}

function checkAvailable(requested: string, available: string, what: string, noun: string): void {
  const wanted = parseNumberList(requested, what);
  if (wanted.isSubsetOf(parseNumberList(available, what))) return;
  throw refuse(what, `Requested ${noun} are not available - requested ${requested}, available: ${available}`);
}

function checkPids(limits: CgroupLimits, layout: CgroupLayout, draft: Draft): string[] {
  const pids = count(limits.pidsLimit, "limit of processes", { minimum: unlimited });
  if (pids <= 0) return [];
  if (findController(layout, "pids") === undefined) {
    return [missing("PIDs limit", "PIDs limit discarded.")];
  }
  draft.pidsLimit = pids;
  return [];
}

function count(value: number | undefined, what: string, range: { readonly minimum: number }): number {
  if (value === undefined) return 0;
  if (!Number.isSafeInteger(value) || value < range.minimum) throw refuse(what, `Invalid value: ${value}`);
  return value;
}

function refuse(what: string, why: string): Failure {
  return new Failure("invalid", `cannot set the ${what}: ${why}`);
}

function missing(what: string, consequence: string): string {
  return `Your kernel does not support ${what} capabilities or the cgroup is not mounted. ${consequence}`;
}
