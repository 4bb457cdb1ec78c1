/** One reply of `GET /containers/{id}/stats`. Of a container that does not run, the figures are absent or 0. */
export interface ContainerStats {
  readonly id: string;
  /** With a slash before it. */
  readonly name: string;
  /** Since 1.52. */
  readonly os_type?: "linux" | undefined;
  readonly read: string;
  /** When precpu_stats were taken; the year 1 when they were not. */
  readonly preread: string;
  readonly pids_stats: { readonly current?: number | undefined; readonly limit?: number | undefined };
  readonly blkio_stats: BlkioStats;
  /** Windows only. */
  readonly num_procs: 0;
  readonly storage_stats: Readonly<Record<string, never>>;
  readonly cpu_stats: CpuStats;
  readonly precpu_stats: CpuStats;
  readonly memory_stats: MemoryStats;
  readonly networks?: Readonly<Record<string, NetworkStats>> | undefined;
  /** Ours: by size of the pages, as `2MB`. */
  readonly hugetlb_stats?: Readonly<Record<string, MemoryCounters>> | undefined;
  /** Ours: the kernel's pressure stall information. */
  readonly pressure_stats?: Readonly<Partial<Record<"cpu" | "memory" | "io", PressureStats>>> | undefined;
}

export interface CpuStats {
  readonly cpu_usage: {
    /** Nanoseconds. */
    readonly total_usage: number;
    readonly percpu_usage?: readonly number[] | undefined;
    readonly usage_in_kernelmode: number;
    readonly usage_in_usermode: number;
  };
  /** Of the whole machine, idle time included. */
  readonly system_cpu_usage?: number | undefined;
  readonly online_cpus?: number | undefined;
  readonly throttling_data: {
    readonly periods: number;
    readonly throttled_periods: number;
    readonly throttled_time: number;
  };
}

export interface MemoryCounters {
  readonly usage?: number | undefined;
  readonly max_usage?: number | undefined;
  readonly failcnt?: number | undefined;
  readonly limit?: number | undefined;
}

export interface MemoryStats extends MemoryCounters {
  /** memory.stat of the cgroup. */
  readonly stats?: Readonly<Record<string, number>> | undefined;
}

export interface BlkioStats {
  readonly io_service_bytes_recursive: readonly BlkioStatEntry[] | null;
  readonly io_serviced_recursive: readonly BlkioStatEntry[] | null;
  readonly io_queue_recursive: null;
  readonly io_service_time_recursive: null;
  readonly io_wait_time_recursive: null;
  readonly io_merged_recursive: null;
  readonly io_time_recursive: null;
  readonly sectors_recursive: null;
}

export interface BlkioStatEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

export interface NetworkStats {
  readonly rx_bytes: number;
  readonly rx_packets: number;
  readonly rx_errors: number;
  readonly rx_dropped: number;
  readonly tx_bytes: number;
  readonly tx_packets: number;
  readonly tx_errors: number;
  readonly tx_dropped: number;
}

export interface PressureStats {
  readonly some: PressureLine;
  readonly full?: PressureLine | undefined;
}

export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  /** Microseconds. */
  readonly total: number;
}
