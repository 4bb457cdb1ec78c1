import { defined } from "../../base/defined.ts";
import type * as api from "../../api/types/statistics.ts";
import { formatRfc3339 } from "../../base/timestamp.ts";
import type { ContainerStatistics } from "../../model/statistics.ts";

type Sample = NonNullable<ContainerStatistics["sample"]>;
type CpuSample = NonNullable<ContainerStatistics["previous"]>;

/** As Go prints a time that was not set. */
const never = "0001-01-01T00:00:00Z";

/** `GET /containers/{id}/stats` */
export function statsOf({ id, name, sample, previous }: ContainerStatistics): api.ContainerStats {
  return {
    id,
    name: `/${name}`,
    read: sample === undefined ? never : formatRfc3339(sample.takenAtNs),
    preread: previous === undefined ? never : formatRfc3339(previous.takenAtNs),
    num_procs: 0,
    storage_stats: {},
    pids_stats: sample?.pids ?? {},
    blkio_stats: blkioOf(sample),
    cpu_stats: cpuOf(sample),
    precpu_stats: cpuOf(previous),
    memory_stats: sample === undefined ? {} : memoryOf(sample),
    ...(sample === undefined ? {} : extrasOf(sample)),
  };
}

function cpuOf(sample: CpuSample | undefined): api.CpuStats {
  const cpu = sample?.cpu;
  const { periods = 0, throttledPeriods = 0, throttledNs = 0 } = cpu?.throttling ?? {};
  return {
    cpu_usage: {
      total_usage: cpu?.totalNs ?? 0,
      percpu_usage: cpu?.perCpuNs,
      usage_in_kernelmode: cpu?.systemNs ?? 0,
      usage_in_usermode: cpu?.userNs ?? 0,
    },
    system_cpu_usage: sample?.host.totalNs,
    online_cpus: sample?.host.onlineCpus,
    throttling_data: { periods, throttled_periods: throttledPeriods, throttled_time: throttledNs },
  };
}

function memoryOf({ memory }: Sample): api.MemoryStats {
  return memory === undefined ? {} : { ...countersOf(memory), stats: memory.details };
}

interface Counters {
  readonly usageBytes: number;
  readonly maxUsageBytes?: number | undefined;
  readonly limitBytes?: number | undefined;
  readonly failures?: number | undefined;
}

function countersOf({ usageBytes, maxUsageBytes, limitBytes, failures }: Counters): api.MemoryCounters {
  return {
    usage: usageBytes,
    max_usage: maxUsageBytes,
    failcnt: failures,
    limit: limitBytes,
  };
}

type IoCounters = NonNullable<Sample["io"]>["bytes"];

function blkioOf(sample: Sample | undefined): api.BlkioStats {
  const entries = (counters: IoCounters | undefined): readonly api.BlkioStatEntry[] | null =>
    counters?.map(({ major, minor, operation, count }) => ({ major, minor, op: operation, value: count })) ??
    null;
  return {
    io_service_bytes_recursive: entries(sample?.io?.bytes),
    io_serviced_recursive: entries(sample?.io?.operations),
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function extrasOf({ networks, hugePages, pressure }: Sample): Partial<api.ContainerStats> {
  const mapped = <T, U>(values: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
  const filled = <T extends object>(values: T): T | undefined =>
    Object.keys(values).length === 0 ? undefined : values;
  const interfaces = filled(mapped(networks, networkOf));
  const pages = filled(mapped(hugePages, countersOf));
  const { cpu, memory, io } = pressure;
  const stalls = filled(
    defined({ cpu: cpu && pressureOf(cpu), memory: memory && pressureOf(memory), io: io && pressureOf(io) }),
  );
  return {
    networks: interfaces,
    hugetlb_stats: pages,
    pressure_stats: stalls,
  };
}

function networkOf(counters: Sample["networks"][string]): api.NetworkStats {
  return {
    rx_bytes: counters.receivedBytes,
    rx_packets: counters.receivedPackets,
    rx_errors: counters.receivedErrors,
    rx_dropped: counters.receivedDropped,
    tx_bytes: counters.sentBytes,
    tx_packets: counters.sentPackets,
    tx_errors: counters.sentErrors,
    tx_dropped: counters.sentDropped,
  };
}

type Pressure = NonNullable<Sample["pressure"]["cpu"]>;

function pressureOf({ some, full }: Pressure): api.PressureStats {
  const line = ({ totalUs, ...averages }: Pressure["some"]): api.PressureLine => ({
    ...averages,
    total: totalUs,
  });
  return { some: line(some), full: full && line(full) };
}
