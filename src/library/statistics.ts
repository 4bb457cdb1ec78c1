import type * as api from "../api/types/statistics.ts";
import { findRfc3339 } from "../base/timestamp.ts";
import type { ContainerStatistics } from "../model/statistics.ts";

type Sample = NonNullable<ContainerStatistics["sample"]>;
type CpuSample = NonNullable<ContainerStatistics["previous"]>;

/** The engine's words for a reply of `GET /containers/{id}/stats`. */
export function statisticsOf(reply: api.ContainerStats): ContainerStatistics {
  const sample = findCpuSample(reply.read, reply.cpu_stats);
  const previous = findCpuSample(reply.preread, reply.precpu_stats);
  return {
    id: reply.id,
    name: reply.name.replace(/^\//, ""),
    sample: sample && { ...sample, ...figuresOf(reply) },
    previous: sample && previous,
  };
}

function findCpuSample(takenAt: string, stats: api.CpuStats): CpuSample | undefined {
  const takenAtNs = findRfc3339(takenAt);
  // The year 1: there is none.
  if (takenAtNs === undefined || takenAtNs <= 0n) return undefined;
  const { cpu_usage: usage, throttling_data: throttling } = stats;
  return {
    takenAtNs,
    cpu: {
      totalNs: usage.total_usage,
      userNs: usage.usage_in_usermode,
      systemNs: usage.usage_in_kernelmode,
      perCpuNs: usage.percpu_usage,
      throttling: {
        periods: throttling.periods,
        throttledPeriods: throttling.throttled_periods,
        throttledNs: throttling.throttled_time,
      },
    },
    host: { totalNs: stats.system_cpu_usage ?? 0, onlineCpus: stats.online_cpus ?? 0 },
  };
}

function figuresOf(reply: api.ContainerStats): Omit<Sample, keyof CpuSample> {
  const { pids_stats: pids, blkio_stats: blkio, memory_stats: memory } = reply;
  const bytes = blkio.io_service_bytes_recursive;
  const operations = blkio.io_serviced_recursive;
  return {
    memory: memory.usage === undefined ? undefined : { ...countersOf(memory), details: memory.stats ?? {} },
    pids: pids.current === undefined ? undefined : { ...pids, current: pids.current },
    io: bytes === null ? undefined : { bytes: bytes.map(ioOf), operations: (operations ?? []).map(ioOf) },
    networks: mapped(reply.networks, networkOf),
    hugePages: mapped(reply.hugetlb_stats, countersOf),
    pressure: pressureStatisticsOf(reply.pressure_stats),
  };
}

function mapped<T, U>(
  values: Readonly<Record<string, T>> | undefined,
  map: (value: T) => U,
): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(values ?? {}).map(([key, value]) => [key, map(value)]));
}

function countersOf(counters: api.MemoryCounters): Sample["hugePages"][string] {
  const { usage = 0, max_usage: maximum, failcnt: failures, limit } = counters;
  return {
    usageBytes: usage,
    maxUsageBytes: maximum,
    limitBytes: limit,
    failures,
  };
}

function ioOf({ major, minor, op, value }: api.BlkioStatEntry): NonNullable<Sample["io"]>["bytes"][number] {
  return { major, minor, operation: op, count: value };
}

function networkOf(stats: api.NetworkStats): Sample["networks"][string] {
  return {
    receivedBytes: stats.rx_bytes,
    receivedPackets: stats.rx_packets,
    receivedErrors: stats.rx_errors,
    receivedDropped: stats.rx_dropped,
    sentBytes: stats.tx_bytes,
    sentPackets: stats.tx_packets,
    sentErrors: stats.tx_errors,
    sentDropped: stats.tx_dropped,
  };
}

function pressureStatisticsOf({
  cpu,
  memory,
  io,
}: NonNullable<api.ContainerStats["pressure_stats"]> = {}): Sample["pressure"] {
  return { cpu: cpu && pressureOf(cpu), memory: memory && pressureOf(memory), io: io && pressureOf(io) };
}

function pressureOf({ some, full }: api.PressureStats): NonNullable<Sample["pressure"]["cpu"]> {
  const line = ({ total, ...averages }: api.PressureLine): { totalUs: number } & typeof averages => ({
    ...averages,
    totalUs: total,
  });
  return { some: line(some), full: full && line(full) };
}
