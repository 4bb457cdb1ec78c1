import type { CriObject } from "../../engine/cri-engine.ts";
import type { CriContainerSettings, CriSandboxSettings } from "../../model/cri.ts";
import type {
  MemoryStatistics,
  NetworkCounters,
  Pressure,
  StatisticsSample,
} from "../../model/statistics.ts";
import type { Reply } from "../codings.ts";
import { containerMetadata, sandboxMetadata } from "./status.ts";

/** A sample of a container, and what is known from an earlier one. */
export interface MeasuredContainer {
  readonly sample: StatisticsSample;
  /** CPU time of a second, in nanoseconds, since the sample before; 0 with the first. */
  readonly nanoCores: number;
  /** Of its own files; absent when not measured yet. */
  readonly writtenBytes: number | undefined;
}

/** Statistics of a container; without figures while it does not run. */
export function encodeContainerStats(
  container: CriObject<CriContainerSettings>,
  measured: MeasuredContainer | undefined,
  { mountpoint }: { readonly mountpoint: string },
): Reply<"ContainerStats"> {
  const attributes = {
    id: container.id,
    metadata: containerMetadata(container),
    labels: container.spec.labels ?? {},
    annotations: container.spec.annotations ?? {},
  };
  if (measured === undefined) return { attributes };
  const { sample, nanoCores, writtenBytes } = measured;
  const timestamp = Number(sample.takenAtNs);
  return {
    attributes,
    cpu: encodeCpu(sample, nanoCores),
    memory: encodeMemory(sample),
    swap: encodeSwap(sample),
    io: { timestamp, psi: encodePressure(sample.pressure.io) },
    writable_layer:
      writtenBytes === undefined
        ? undefined
        : {
            timestamp,
            fs_id: { mountpoint },
            used_bytes: { value: writtenBytes },
            inodes_used: { value: 0 },
          },
  };
}

/** Statistics of a sandbox: sums over its containers, and its network. `infra`: of the container that holds it. */
export function encodeSandboxStats(
  sandbox: CriObject<CriSandboxSettings>,
  {
    infra,
    members,
    containers,
  }: {
    readonly infra: MeasuredContainer | undefined;
    readonly members: readonly MeasuredContainer[];
    readonly containers: readonly Reply<"ContainerStats">[];
  },
): Reply<"PodSandboxStats"> {
  const attributes = {
    id: sandbox.id,
    metadata: sandboxMetadata(sandbox),
    labels: sandbox.spec.labels ?? {},
    annotations: sandbox.spec.annotations ?? {},
  };
  if (infra === undefined) return { attributes, linux: { containers } };
  const all = [infra, ...members];
  const timestamp = Number(infra.sample.takenAtNs);
  const memory = all.map(({ sample }) => encodeMemory(sample));
  const sumOf = (
    field: "working_set_bytes" | "usage_bytes" | "rss_bytes" | "page_faults" | "major_page_faults",
  ) => ({
    value: sum(memory.map((each) => each[field]?.value ?? 0)),
  });
  return {
    attributes,
    linux: {
      cpu: {
        timestamp,
        usage_core_nano_seconds: { value: sum(all.map(({ sample }) => sample.cpu.totalNs)) },
        usage_nano_cores: { value: sum(all.map(({ nanoCores }) => nanoCores)) },
      },
      memory: {
        timestamp,
        working_set_bytes: sumOf("working_set_bytes"),
        usage_bytes: sumOf("usage_bytes"),
        rss_bytes: sumOf("rss_bytes"),
        page_faults: sumOf("page_faults"),
        major_page_faults: sumOf("major_page_faults"),
      },
      network: encodeNetwork(infra.sample),
      process: {
        timestamp,
        process_count: { value: sum(all.map(({ sample }) => sample.pids?.current ?? 0)) },
      },
      containers,
    },
  };
}

/** Memory without the page cache that can be dropped at once. */
export function workingSetOf({ usageBytes, details }: MemoryStatistics): number {
  const inactive = details["total_inactive_file"] ?? details["inactive_file"] ?? 0;
  return Math.max(0, usageBytes - inactive);
}

/** Anonymous memory. */
export function residentOf({ details }: MemoryStatistics): number {
  return details["total_rss"] ?? details["rss"] ?? details["anon"] ?? 0;
}

/** Bytes that are swapped out. */
export function swapOf({ details }: MemoryStatistics): number {
  return details["total_swap"] ?? details["swap"] ?? 0;
}

function encodeCpu(sample: StatisticsSample, nanoCores: number): Reply<"CpuUsage"> {
  return {
    timestamp: Number(sample.takenAtNs),
    usage_core_nano_seconds: { value: sample.cpu.totalNs },
    usage_nano_cores: { value: nanoCores },
    psi: encodePressure(sample.pressure.cpu),
  };
}

function encodeMemory({ takenAtNs, memory, pressure }: StatisticsSample): Reply<"MemoryUsage"> {
  if (memory === undefined) return { timestamp: Number(takenAtNs) };
  const workingSet = workingSetOf(memory);
  const limit = memory.limitBytes;
  const faults = (name: string): number => memory.details[`total_${name}`] ?? memory.details[name] ?? 0;
  return {
    timestamp: Number(takenAtNs),
    working_set_bytes: { value: workingSet },
    available_bytes: limit === undefined ? undefined : { value: Math.max(0, limit - workingSet) },
    usage_bytes: { value: memory.usageBytes },
    rss_bytes: { value: residentOf(memory) },
    page_faults: { value: faults("pgfault") },
    major_page_faults: { value: faults("pgmajfault") },
    psi: encodePressure(pressure.memory),
  };
}

function encodeSwap({ takenAtNs, memory }: StatisticsSample): Reply<"SwapUsage"> | undefined {
  if (memory === undefined) return undefined;
  return { timestamp: Number(takenAtNs), swap_usage_bytes: { value: swapOf(memory) } };
}

function encodeNetwork({ takenAtNs, networks }: StatisticsSample): Reply<"NetworkUsage"> {
  const interfaces = Object.entries(networks).map(encodeInterface);
  return { timestamp: Number(takenAtNs), default_interface: interfaces[0], interfaces: interfaces.slice(1) };
}

function encodeInterface([name, counters]: readonly [
  string,
  NetworkCounters,
]): Reply<"NetworkInterfaceUsage"> {
  return {
    name,
    rx_bytes: { value: counters.receivedBytes },
    rx_errors: { value: counters.receivedErrors },
    tx_bytes: { value: counters.sentBytes },
    tx_errors: { value: counters.sentErrors },
  };
}

function encodePressure(pressure: Pressure | undefined): Reply<"PsiStats"> | undefined {
  if (pressure === undefined) return undefined;
  const line = ({ totalUs, avg10, avg60, avg300 }: Pressure["some"]): Reply<"PsiData"> => ({
    Total: totalUs,
    Avg10: avg10,
    Avg60: avg60,
    Avg300: avg300,
  });
  return { Some: line(pressure.some), Full: pressure.full && line(pressure.full) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
