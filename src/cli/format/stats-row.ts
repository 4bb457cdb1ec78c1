import type { BlkioStatEntry, ContainerStats, CpuStats, MemoryStats } from "../../api/types/statistics.ts";
import { formatBinaryByteSize, formatByteSize } from "../../base/byte-size.ts";
import type { Listing, Row } from "./rows.ts";
import { shortId } from "./text.ts";

const columns = ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"];

export const statsListing: Listing = {
  rowName: "container",
  headings: {
    Container: "CONTAINER",
    ID: "CONTAINER ID",
    Name: "NAME",
    CPUPerc: "CPU %",
    MemUsage: "MEM USAGE / LIMIT",
    MemPerc: "MEM %",
    NetIO: "NET I/O",
    BlockIO: "BLOCK I/O",
    PIDs: "PIDS",
  },
  table: columns.map((name) => `{{.${name}}}`).join("\t"),
};

/** As `stats` shows it; without figures, which did not come in time, there are dashes. */
export function statsRow(
  container: string,
  {
    stats,
    isLate,
    isWhole,
  }: { readonly stats?: ContainerStats | undefined; readonly isLate: boolean; readonly isWhole: boolean },
): Row {
  const id = stats?.id ?? "";
  const identity = {
    Container: container,
    ID: isWhole ? id : shortId(id),
    Name: stats === undefined ? "--" : stats.name.replace(/^\//, ""),
  };
  if (stats === undefined || isLate) {
    return {
      ...identity,
      CPUPerc: "--",
      MemUsage: "-- / --",
      MemPerc: "--",
      NetIO: "--",
      BlockIO: "--",
      PIDs: "--",
    };
  }
  const used = usedMemory(stats.memory_stats);
  const { limit = 0 } = stats.memory_stats;
  return {
    ...identity,
    CPUPerc: formatPercent(cpuPercent(stats.precpu_stats, stats.cpu_stats)),
    MemUsage: `${formatBinaryByteSize(used)} / ${formatBinaryByteSize(limit)}`,
    MemPerc: formatPercent(limit === 0 ? 0 : (used / limit) * 100),
    NetIO: formatPair(...networkBytes(stats)),
    BlockIO: formatPair(...blockBytes(stats.blkio_stats.io_service_bytes_recursive ?? [])),
    PIDs: String(stats.pids_stats.current ?? 0),
  };
}

/** 100 is one CPU. */
export function cpuPercent(before: CpuStats, now: CpuStats): number {
  const own = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const whole = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus ?? now.cpu_usage.percpu_usage?.length ?? 0;
  return own > 0 && whole > 0 ? (own / whole) * cpus * 100 : 0;
}

/** Without the part of the page cache that could be dropped at once, as other tools calculate it. */
export function usedMemory({ usage = 0, stats = {} }: MemoryStats): number {
  const v1 = stats["total_inactive_file"];
  if (v1 !== undefined && v1 < usage) return usage - v1;
  const v2 = stats["inactive_file"] ?? 0;
  return v2 < usage ? usage - v2 : usage;
}

function networkBytes({ networks = {} }: ContainerStats): [received: number, sent: number] {
  const all = Object.values(networks);
  return [all.reduce((sum, one) => sum + one.rx_bytes, 0), all.reduce((sum, one) => sum + one.tx_bytes, 0)];
}

function blockBytes(entries: readonly BlkioStatEntry[]): [read: number, written: number] {
  const sum = (initial: string): number =>
    entries
      .filter(({ op }) => op.toLowerCase().startsWith(initial))
      .reduce((total, { value }) => total + value, 0);
  return [sum("r"), sum("w")];
}

function formatPair(one: number, other: number): string {
  return `${formatByteSize(one, 3)} / ${formatByteSize(other, 3)}`;
}

function formatPercent(value: number): string {
  return `${value.toFixed(2)}%`;
}
