import type { StatisticsSample } from "../../model/statistics.ts";
import type { Reply } from "../codings.ts";
import { metricType } from "./enums.ts";
import { residentOf, swapOf, workingSetOf } from "./statistics.ts";

interface MetricKind {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly type: number;
  /** Each value with those of its labels. */
  readonly read: (sample: StatisticsSample) => readonly (readonly [value: number, ...labels: string[]])[];
}

const { counter, gauge } = metricType;
const secondInNs = 1_000_000_000;

/** Values are whole numbers: the CRI has no others. */
const single =
  (read: (sample: StatisticsSample) => number | undefined): MetricKind["read"] =>
  (sample) => {
    const value = read(sample);
    return value === undefined ? [] : [[Math.round(value)]];
  };

const perInterface =
  (read: (counters: StatisticsSample["networks"][string]) => number): MetricKind["read"] =>
  ({ networks }) =>
    Object.entries(networks).map(([name, counters]) => [read(counters), name] as const);

function metric(name: string, help: string, type: number, read: MetricKind["read"]): MetricKind {
  return { name, help, labels: [], type, read };
}

/** SPEC: the names are cAdvisor's, as Kubernetes' monitoring expects them. */
const containerKinds: readonly MetricKind[] = [
  metric(
    "container_cpu_usage_seconds_total",
    "CPU time in seconds",
    counter,
    single(({ cpu }) => cpu.totalNs / secondInNs),
  ),
  metric(
    "container_cpu_user_seconds_total",
    "CPU time in user mode in seconds",
    counter,
    single(({ cpu }) => cpu.userNs / secondInNs),
  ),
  metric(
    "container_cpu_system_seconds_total",
    "CPU time in the kernel in seconds",
    counter,
    single(({ cpu }) => cpu.systemNs / secondInNs),
  ),
  metric(
    "container_cpu_cfs_periods_total",
    "Periods of the CPU quota",
    counter,
    single(({ cpu }) => cpu.throttling?.periods),
  ),
  metric(
    "container_cpu_cfs_throttled_periods_total",
    "Periods in which the CPU quota was used up",
    counter,
    single(({ cpu }) => cpu.throttling?.throttledPeriods),
  ),
  metric(
    "container_memory_usage_bytes",
    "Memory with the page cache",
    gauge,
    single(({ memory }) => memory?.usageBytes),
  ),
  metric(
    "container_memory_max_usage_bytes",
    "Highest memory with the page cache",
    gauge,
    single(({ memory }) => memory?.maxUsageBytes),
  ),
  metric(
    "container_memory_working_set_bytes",
    "Memory without inactive page cache",
    gauge,
    single(({ memory }) => memory && workingSetOf(memory)),
  ),
  metric(
    "container_memory_rss",
    "Anonymous memory",
    gauge,
    single(({ memory }) => memory && residentOf(memory)),
  ),
  metric(
    "container_memory_swap",
    "Memory that is swapped out",
    gauge,
    single(({ memory }) => memory && swapOf(memory)),
  ),
  metric(
    "container_memory_failcnt",
    "How often the limit of memory was hit",
    counter,
    single(({ memory }) => memory?.failures),
  ),
  metric(
    "container_spec_memory_limit_bytes",
    "Limit of memory",
    gauge,
    single(({ memory }) => memory?.limitBytes),
  ),
  metric(
    "container_processes",
    "Processes and threads",
    gauge,
    single(({ pids }) => pids?.current),
  ),
];

const podKinds: readonly MetricKind[] = (
  [
    ["container_network_receive_bytes_total", "Bytes received", perInterface((each) => each.receivedBytes)],
    [
      "container_network_receive_packets_total",
      "Packets received",
      perInterface((each) => each.receivedPackets),
    ],
    [
      "container_network_receive_errors_total",
      "Errors in receiving",
      perInterface((each) => each.receivedErrors),
    ],
    [
      "container_network_receive_packets_dropped_total",
      "Packets dropped in receiving",
      perInterface((each) => each.receivedDropped),
    ],
    ["container_network_transmit_bytes_total", "Bytes sent", perInterface((each) => each.sentBytes)],
    ["container_network_transmit_packets_total", "Packets sent", perInterface((each) => each.sentPackets)],
    ["container_network_transmit_errors_total", "Errors in sending", perInterface((each) => each.sentErrors)],
    [
      "container_network_transmit_packets_dropped_total",
      "Packets dropped in sending",
      perInterface((each) => each.sentDropped),
    ],
  ] as const
).map(([name, help, read]) => ({ name, help, labels: ["interface"], type: counter, read }));

/** The labels of every metric, before those of its own. */
const commonLabels = ["id", "name", "image"];

/** Identifies the object that a metric is about. */
export interface MetricSubject {
  readonly id: string;
  readonly name: string;
  readonly image: string;
}

export function metricDescriptors(): readonly Reply<"MetricDescriptor">[] {
  return [...containerKinds, ...podKinds].map(({ name, help, labels }) => ({
    name,
    help,
    label_keys: [...commonLabels, ...labels],
  }));
}

/** Metrics of a container. */
export function containerMetrics(
  sample: StatisticsSample,
  subject: MetricSubject,
): readonly Reply<"Metric">[] {
  return metricsOf(containerKinds, sample, subject);
}

/** Metrics of a sandbox: its network. */
export function podMetrics(sample: StatisticsSample, subject: MetricSubject): readonly Reply<"Metric">[] {
  return metricsOf(podKinds, sample, subject);
}

function metricsOf(
  kinds: readonly MetricKind[],
  sample: StatisticsSample,
  { id, name, image }: MetricSubject,
): readonly Reply<"Metric">[] {
  const timestamp = Number(sample.takenAtNs);
  return kinds.flatMap((kind) =>
    kind.read(sample).map(([value, ...labels]) => ({
      name: kind.name,
      timestamp,
      metric_type: kind.type,
      label_values: [id, name, image, ...labels],
      value: { value },
    })),
  );
}
