/** How often a container is measured. */
export interface StatisticsOptions {
  /**
   * "once": a single sample, with one of the CPU taken a moment before. "at once": without that, and without waiting.
   */
  readonly samples?: "stream" | "once" | "at once" | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** CPU time at one moment: two samples give a share. */
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

/** One measurement of a container. */
export interface ContainerStatistics {
  readonly id: string;
  readonly name: string;
  /** Absent while it does not run. */
  readonly sample?: StatisticsSample | undefined;
  /** Absent in the first one of a stream. */
  readonly previous?: CpuSample | undefined;
}

/** The operations on one block device. */
export interface IoCounter {
  readonly major: number;
  readonly minor: number;
  /** `read`, `write`, `discard`; v1 also `sync` and `async`, which count the same once more. */
  readonly operation: string;
  /** Bytes or operations. */
  readonly count: number;
}

/** Share of the time in which some, or all, of the processes waited: in percent over 10, 60 and 300 seconds. */
export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly totalUs: number;
}

/** Pressure on one resource. */
export interface Pressure {
  readonly some: PressureLine;
  /** Absent where the kernel has no such line (cpu before Linux 5.13). */
  readonly full?: PressureLine | undefined;
}

/** All that the kernel counts for a cgroup and everything below it; what this host does not count is absent. */
export interface CgroupStatistics {
  readonly cpu?: CpuStatistics | undefined;
  readonly memory?: MemoryStatistics | undefined;
  readonly pids?: { readonly current: number; readonly limit?: number | undefined } | undefined;
  readonly io?: IoStatistics | undefined;
  /** By size of the pages, as the files name it: `2MB`. */
  readonly hugePages: Readonly<Record<string, HugePageStatistics>>;
  readonly pressure: PressureStatistics;
}

/** CPU time in nanoseconds. */
export interface CpuStatistics {
  readonly totalNs: number;
  readonly userNs: number;
  readonly systemNs: number;
  /** v1 only; by the number of the CPU. */
  readonly perCpuNs?: readonly number[] | undefined;
  /** How often and how long a quota held it up. */
  readonly throttling?:
    | {
        readonly periods: number;
        readonly throttledPeriods: number;
        readonly throttledNs: number;
      }
    | undefined;
}

/** Memory in bytes. */
export interface MemoryStatistics {
  /** Page cache included; without what can be dropped at once it is less `total_inactive_file` or `inactive_file`. */
  readonly usageBytes: number;
  /** The most that it ever was (v2: Linux 5.19). */
  readonly maxUsageBytes?: number | undefined;
  /** Absent: no limit of its own. */
  readonly limitBytes?: number | undefined;
  /** How often the limit was hit. */
  readonly failures?: number | undefined;
  /** memory.stat, by the kernel's names. */
  readonly details: Readonly<Record<string, number>>;
}

/** Input and output by block device. */
export interface IoStatistics {
  readonly bytes: readonly IoCounter[];
  readonly operations: readonly IoCounter[];
}

/** Huge pages of one size, in bytes. */
export interface HugePageStatistics {
  readonly usageBytes: number;
  readonly maxUsageBytes?: number | undefined;
  readonly limitBytes?: number | undefined;
  readonly failures?: number | undefined;
}

/** Time lost in waiting for a resource, where the kernel counts it (PSI). */
export interface PressureStatistics {
  readonly cpu?: Pressure | undefined;
  readonly memory?: Pressure | undefined;
  readonly io?: Pressure | undefined;
}

/** CPU time of the host. */
export interface HostCpuTime {
  /** Of all CPUs together since boot, idle time included. */
  readonly totalNs: number;
  readonly onlineCpus: number;
}

/** Counters of one interface: bytes and packets since it exists. */
export interface NetworkCounters {
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receivedErrors: number;
  readonly receivedDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sentErrors: number;
  readonly sentDropped: number;
}
