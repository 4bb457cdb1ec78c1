import { defined } from "../../base/defined.ts";
import type {
  IoCounter,
  CgroupStatistics,
  CpuStatistics,
  IoStatistics,
  MemoryStatistics,
  PressureStatistics,
} from "../../model/statistics.ts";
import { type CgroupHierarchy, findController } from "./layout.ts";
import { parseFlatKeyed } from "./internal/files.ts";
import type { CgroupParentDirectory } from "./internal/parent-directory.ts";
import { readHugePages } from "./internal/statistics/huge-pages.ts";
import { mergeIoCounters, parseV1IoCounters, parseV2IoStat } from "./internal/statistics/io.ts";
import { findNumber, parseNumbers, parsePressure } from "./internal/statistics/parse.ts";
import { readFigures } from "./internal/statistics/read.ts";

type Read = (file: string) => string | undefined;

/** Some fifteen small files. Undefined when the cgroup is gone. */
export function readCgroupStatistics(
  parent: CgroupParentDirectory,
  name: string,
): CgroupStatistics | undefined {
  const { layout } = parent;
  const readerOf = (hierarchy: CgroupHierarchy): Read => {
    const directory = parent.directoryIn(hierarchy);
    return (file) => readFigures(directory, `${name}/${file}`);
  };
  const reader = (controller: string): Reader | undefined => {
    const hierarchy = findController(layout, controller);
    return hierarchy === undefined ? undefined : { version: hierarchy.version, read: readerOf(hierarchy) };
  };
  const unified = layout.v2 === undefined ? undefined : readerOf(layout.v2);
  const cpu = readCpu(reader("cpu"), reader("cpuacct"), unified);
  const memory = readMemory(reader("memory"));
  if (cpu === undefined && memory === undefined) return undefined;
  const pids = readPids(reader("pids")?.read);
  const io = readIo(reader("blkio")?.read, reader("io")?.read);
  return {
    cpu,
    memory,
    pids,
    io,
    hugePages: readHugePages(reader("hugetlb")),
    pressure: unified === undefined ? {} : readPressure(unified),
  };
}

interface Reader {
  readonly version: 1 | 2;
  readonly read: Read;
}

/** v2 counts CPU time without a controller, throttling with it; v1 the one in cpuacct, the other in cpu. */
function readCpu(
  cpu: Reader | undefined,
  accounting: Reader | undefined,
  unified: Read | undefined,
): CpuStatistics | undefined {
  const time = accounting === undefined ? readCpuTimeV2(unified) : readCpuTimeV1(accounting.read);
  return time === undefined || cpu?.version !== 1 ? time : { ...time, throttling: throttlingOfV1(cpu.read) };
}

function readCpuTimeV1(read: Read): CpuStatistics | undefined {
  const perCpuNs = parseNumbers(read("cpuacct.usage_percpu"));
  if (perCpuNs === undefined) return undefined;
  // In ticks of a hundredth of a second, whatever the kernel's own clock is.
  const ticks = parseFlatKeyed(read("cpuacct.stat") ?? "");
  return {
    totalNs: perCpuNs.reduce((sum, ns) => sum + ns, 0),
    userNs: (ticks.get("user") ?? 0) * 10_000_000,
    systemNs: (ticks.get("system") ?? 0) * 10_000_000,
    perCpuNs,
  };
}

function readCpuTimeV2(read: Read | undefined): CpuStatistics | undefined {
  const text = read?.("cpu.stat");
  if (text === undefined) return undefined;
  const figures = parseFlatKeyed(text);
  const ns = (key: string): number => (figures.get(key) ?? 0) * 1000;
  const periods = figures.get("nr_periods");
  return {
    totalNs: ns("usage_usec"),
    userNs: ns("user_usec"),
    systemNs: ns("system_usec"),
    throttling:
      periods === undefined
        ? undefined
        : {
            periods,
            throttledPeriods: figures.get("nr_throttled") ?? 0,
            throttledNs: ns("throttled_usec"),
          },
  };
}

function throttlingOfV1(read: Read): NonNullable<CpuStatistics["throttling"]> {
  const figures = parseFlatKeyed(read("cpu.stat") ?? "");
  return {
    periods: figures.get("nr_periods") ?? 0,
    throttledPeriods: figures.get("nr_throttled") ?? 0,
    throttledNs: figures.get("throttled_time") ?? 0,
  };
}

function readMemory(reader: Reader | undefined): MemoryStatistics | undefined {
  if (reader === undefined) return undefined;
  const { version, read } = reader;
  const usageBytes = findNumber(read(version === 1 ? "memory.usage_in_bytes" : "memory.current"));
  if (usageBytes === undefined) return undefined;
  const figures = {
    maxUsageBytes: findNumber(read(version === 1 ? "memory.max_usage_in_bytes" : "memory.peak")),
    limitBytes: findNumber(read(version === 1 ? "memory.limit_in_bytes" : "memory.max")),
    failures:
      version === 1
        ? findNumber(read("memory.failcnt"))
        : parseFlatKeyed(read("memory.events") ?? "").get("max"),
  };
  return {
    usageBytes,
    ...defined(figures),
    details: Object.fromEntries(parseFlatKeyed(read("memory.stat") ?? "")),
  };
}

function readPids(read: Read | undefined): CgroupStatistics["pids"] {
  const current = findNumber(read?.("pids.current"));
  if (current === undefined) return undefined;
  return { current, limit: findNumber(read?.("pids.max")) };
}

/** KERNEL: on v1, two controllers of the kernel each count the requests that reach them, and none counts all. */
function readIo(v1: Read | undefined, v2: Read | undefined): IoStatistics | undefined {
  if (v1 !== undefined) {
    const counters = (what: string): readonly IoCounter[] =>
      mergeIoCounters(
        parseV1IoCounters(v1(`blkio.throttle.${what}_recursive`) ?? ""),
        parseV1IoCounters(v1(`blkio.bfq.${what}_recursive`) ?? ""),
      );
    return { bytes: counters("io_service_bytes"), operations: counters("io_serviced") };
  }
  const text = v2?.("io.stat");
  return text === undefined ? undefined : parseV2IoStat(text);
}

function readPressure(read: Read): PressureStatistics {
  return defined({
    cpu: parsePressure(read("cpu.pressure")),
    memory: parsePressure(read("memory.pressure")),
    io: parsePressure(read("io.pressure")),
  });
}
