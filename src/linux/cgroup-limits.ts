import type { RuntimeResources } from "../spec/runtime-config.ts";

/** Resource limits with Docker's meanings; what is absent is not limited. */
export interface CgroupLimits {
  readonly memoryBytes?: number;
  /** Memory and swap together; −1 is unlimited. Absent with a memory limit: twice that. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly oomKillDisable?: boolean;
  /** A share among neighbours: 2 to 262144, usual 1024. */
  readonly cpuShares?: number;
  readonly cpuPeriodUs?: number;
  /** CPU time in each period; −1 is unlimited. */
  readonly cpuQuotaUs?: number;
  /** Instead of period and quota: 10⁹ is one CPU. */
  readonly nanoCpus?: number;
  /** `0-3,8` */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** Processes and threads; 0 and −1 are unlimited. */
  readonly pidsLimit?: number;
}

/** The limits in an OCI runtime configuration. */
export function limitsOf(resources: RuntimeResources): CgroupLimits {
  const { memory, cpu, pids } = resources;
  const limits = {
    memoryBytes: memory?.limit,
    memorySwapBytes: memory?.swap,
    memoryReservationBytes: memory?.reservation,
    oomKillDisable: memory?.disableOOMKiller,
    cpuShares: cpu?.shares,
    cpuPeriodUs: cpu?.period,
    cpuQuotaUs: cpu?.quota,
    cpusetCpus: cpu?.cpus,
    cpusetMems: cpu?.mems,
    pidsLimit: pids?.limit,
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
