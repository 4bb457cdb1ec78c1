import type { CgroupStatistics } from "../../../src/model/statistics.ts";
import { describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CgroupHierarchy, CgroupLayout, CgroupV1Hierarchy } from "../../../src/linux/cgroup/layout.ts";
import { Cgroup } from "../../../src/linux/cgroup/cgroup.ts";
import {
  mergeIoCounters,
  parseV1IoCounters,
  parseV2IoStat,
} from "../../../src/linux/cgroup/internal/statistics/io.ts";
import { findNumber, parsePressure } from "../../../src/linux/cgroup/internal/statistics/parse.ts";
import { parseHostCpuTime } from "../../../src/linux/process/cpu-time.ts";
import { formatHugePageSize } from "../../../src/linux/cgroup/huge-pages.ts";
import { parseNetworkCounters } from "../../../src/linux/process/network-counters.ts";

/** Directories that look like hierarchies, with these files of the cgroup `top/one`. */
async function statisticsOf(
  layout: (root: string) => Pick<CgroupLayout, "v1" | "v2">,
  files: Readonly<Record<string, string>>,
): Promise<CgroupStatistics | undefined> {
  const root = mkdtempSync(join(tmpdir(), "tare-statistics-"));
  const opened: number[] = [];
  try {
    for (const [path, text] of Object.entries(files)) {
      const [hierarchy = "", name = ""] = path.split("/");
      const file = join(root, hierarchy, "top/one", name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const whole = { ...layout(root), swapAccounting: true, cpus: "0-1", memoryNodes: "0" };
    const directoryIn = ({ mountPath }: CgroupHierarchy): number => {
      const fd = openSync(join(mountPath, "top"), "r");
      opened.push(fd);
      return fd;
    };
    return await new Cgroup(
      { layout: whole, path: "top", directoryIn, raiseLimits: () => {} },
      "one",
    ).statistics();
  } finally {
    for (const fd of opened) closeSync(fd);
    rmSync(root, { recursive: true });
  }
}

const v1 = (root: string, ...names: string[]): readonly CgroupV1Hierarchy[] =>
  names.map((name) => ({ version: 1, mountPath: join(root, name), controllers: name.split(",") }));

describe("statistics()", () => {
  test("statistics() on v1 reads each controller's own files", async () => {
    const found = await statisticsOf((root) => ({ v1: v1(root, "cpu,cpuacct", "memory", "pids", "blkio") }), {
      "cpu,cpuacct/cpuacct.usage_percpu": "100 200 \n",
      "cpu,cpuacct/cpuacct.stat": "user 3\nsystem 4\n",
      "cpu,cpuacct/cpu.stat": "nr_periods 5\nnr_throttled 6\nthrottled_time 7\n",
      "memory/memory.usage_in_bytes": "4096\n",
      "memory/memory.max_usage_in_bytes": "8192\n",
      "memory/memory.limit_in_bytes": "9223372036854771712\n",
      "memory/memory.failcnt": "2\n",
      "memory/memory.stat": "cache 1\ntotal_inactive_file 2\n",
      "pids/pids.current": "3\n",
      "pids/pids.max": "max\n",
      "blkio/blkio.throttle.io_service_bytes_recursive":
        "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n",
      "blkio/blkio.throttle.io_serviced_recursive": "8:0 Read 1\n",
      "blkio/blkio.bfq.io_service_bytes_recursive": "8:0 Read 15\n9:1 Write 5\nTotal 20\n",
    });
    expect(found).toEqual({
      cpu: {
        totalNs: 300,
        userNs: 30_000_000,
        systemNs: 40_000_000,
        perCpuNs: [100, 200],
        throttling: { periods: 5, throttledPeriods: 6, throttledNs: 7 },
      },
      memory: {
        usageBytes: 4096,
        maxUsageBytes: 8192,
        failures: 2,
        details: { cache: 1, total_inactive_file: 2 },
      },
      pids: { current: 3 },
      io: {
        bytes: [
          { major: 8, minor: 0, operation: "read", count: 15 },
          { major: 8, minor: 0, operation: "write", count: 20 },
          { major: 9, minor: 1, operation: "write", count: 5 },
        ],
        operations: [{ major: 8, minor: 0, operation: "read", count: 1 }],
      },
      hugePages: {},
      pressure: {},
    });
  });

  test("statistics() on v2 reads what the kernel names there", async () => {
    const line = "avg10=1.50 avg60=0.25 avg300=0.00 total=99";
    const found = await statisticsOf(
      (root) => ({
        v1: [],
        v2: { version: 2, mountPath: join(root, "u"), controllers: ["cpu", "io", "memory", "pids"] },
      }),
      {
        "u/cpu.stat":
          "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 3\nthrottled_usec 2\n",
        "u/memory.current": "4096\n",
        "u/memory.max": "65536\n",
        "u/memory.peak": "5000\n",
        "u/memory.events": "low 0\nhigh 0\nmax 6\noom 1\noom_kill 1\n",
        "u/memory.stat": "anon 1\ninactive_file 2\n",
        "u/pids.current": "3\n",
        "u/pids.max": "20\n",
        "u/io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n7:1 \n",
        "u/cpu.pressure": `some ${line}\n`,
        "u/io.pressure": `some ${line}\nfull ${line}\n`,
      },
    );
    const pressure = { avg10: 1.5, avg60: 0.25, avg300: 0, totalUs: 99 };
    expect(found).toMatchObject({
      cpu: {
        totalNs: 30_000,
        userNs: 20_000,
        systemNs: 10_000,
        throttling: { periods: 4, throttledPeriods: 3, throttledNs: 2000 },
      },
      memory: {
        usageBytes: 4096,
        maxUsageBytes: 5000,
        limitBytes: 65_536,
        failures: 6,
        details: { anon: 1, inactive_file: 2 },
      },
      pids: { current: 3, limit: 20 },
      io: { bytes: [{ count: 1 }, { count: 2 }, { operation: "discard", count: 5 }] },
      pressure: { cpu: { some: pressure }, io: { some: pressure, full: pressure } },
    });
    expect(found?.cpu?.perCpuNs).toBeUndefined();
  });

  test("statistics() on a hybrid host takes throttling from v1 and time from v2, where they are", async () => {
    const found = await statisticsOf(
      (root) => ({ v1: v1(root, "cpu"), v2: { version: 2, mountPath: join(root, "u"), controllers: [] } }),
      {
        "cpu/cpu.stat": "nr_periods 5\nnr_throttled 6\nthrottled_time 7\n",
        "u/cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\n",
      },
    );
    expect(found?.cpu).toEqual({
      totalNs: 30_000,
      userNs: 20_000,
      systemNs: 10_000,
      throttling: { periods: 5, throttledPeriods: 6, throttledNs: 7 },
    });
    expect(found?.memory).toBeUndefined();
  });

  test("statistics() of a cgroup that is gone is undefined", async () => {
    expect(await statisticsOf((root) => ({ v1: v1(root, "memory") }), { "memory/x": "" })).toBeUndefined();
  });
});

test("findNumber() takes every word for no limit as none", () => {
  const cases = [
    ["12\n", 12],
    ["max\n", undefined],
    ["9223372036854771712\n", undefined],
    [undefined, undefined],
    ["", undefined],
  ] as const;
  for (const [text, number] of cases) expect(findNumber(text)).toBe(number as number);
});

test("parsePressure() is undefined for a kernel that does not count", () => {
  expect(parsePressure(undefined)).toBeUndefined();
  expect(parsePressure("")).toBeUndefined();
});

test("parseV1IoCounters(), mergeIoCounters() and parseV2IoStat() pass over what they do not know", () => {
  expect(parseV1IoCounters("Total 0\nx\n8:0 Read\n")).toEqual([]);
  const one = parseV1IoCounters("8:0 Sync 1");
  expect(mergeIoCounters(one, [])).toEqual(one);
  expect(parseV2IoStat("8:0 cost.usage=1\nnonsense\n")).toEqual({ bytes: [], operations: [] });
});

test("parseNetworkCounters() leaves the loopback out", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 1234567     12    3    4    0     0          0         0     7654      21    5    6    0     0       0          0
`;
  expect(parseNetworkCounters(text)).toEqual({
    eth0: {
      receivedBytes: 1_234_567,
      receivedPackets: 12,
      receivedErrors: 3,
      receivedDropped: 4,
      sentBytes: 7654,
      sentPackets: 21,
      sentErrors: 5,
      sentDropped: 6,
    },
  });
  expect(parseNetworkCounters("")).toEqual({});
});

test("parseHostCpuTime() counts eight of the ten columns, and the CPUs", () => {
  const text = "cpu  1 2 3 4 5 6 7 8 100 200\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5 6\nctxt 9\n";
  expect(parseHostCpuTime(text)).toEqual({ totalNs: 360_000_000, onlineCpus: 2 });
});

test("formatHugePageSize() names sizes as the kernel's files do", () => {
  expect([64, 2048, 32_768, 1_048_576].map(formatHugePageSize)).toEqual(["64KB", "2MB", "32MB", "1GB"]);
});
