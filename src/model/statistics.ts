import type { CgroupStatistics, CpuStatistics } from "../linux/cgroup/statistics.ts";
import type { HostCpuTime } from "../linux/process/cpu-time.ts";
import type { NetworkCounters } from "../linux/process/network-counters.ts";

export interface StatisticsOptions {
  /** "once": a single sample, with one of the CPU taken a moment before. "at once": without that, and without waiting. */
  readonly samples?: "stream" | "once" | "at once";
  readonly signal?: AbortSignal;
}

/** CPU time at one moment: of two of them a share can be told. */
export interface CpuSample {
  /** Nanoseconds since 1970. */
  readonly takenAtNs: bigint;
  readonly cpu: CpuStatistics;
  readonly host: HostCpuTime;
}

/** Its limit of memory is the machine's memory when it has none of its own. */
export interface StatisticsSample extends CpuSample, Omit<CgroupStatistics, "cpu"> {
  /** By interface, without the loopback; none when it has the host's network. */
  readonly networks: Readonly<Record<string, NetworkCounters>>;
}

export interface ContainerStatistics {
  readonly id: string;
  readonly name: string;
  /** Absent while it does not run. */
  readonly sample?: StatisticsSample;
  /** Absent in the first one of a stream. */
  readonly previous?: CpuSample;
}
