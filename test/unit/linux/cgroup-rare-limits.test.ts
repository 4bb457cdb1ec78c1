import type { CgroupLimits } from "../../../src/model/limits.ts";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { CgroupLayout } from "../../../src/linux/cgroup/layout.ts";
import {
  formatRuntimeResources,
  parseRuntimeResources,
} from "../../../src/linux/cgroup/runtime-resources.ts";
import { planCgroup } from "../../../src/linux/cgroup/plan.ts";

const base = { swapAccounting: true, cpus: "0-3", memoryNodes: "0", hugePageSizes: ["2MB", "1GB"] };
const v1: CgroupLayout = {
  ...base,
  v1: [{ version: 1, mountPath: "/v1", controllers: ["cpu", "memory", "blkio", "hugetlb"] }],
};
const v2: CgroupLayout = {
  ...base,
  v1: [],
  v2: { version: 2, mountPath: "/v2", controllers: ["cpu", "memory", "io", "hugetlb"] },
};
const none: CgroupLayout = { ...base, v1: [] };
const without = (layout: CgroupLayout, ...files: readonly string[]): CgroupLayout => ({
  ...layout,
  hasFile: (_, file) => !files.includes(file),
});

function writesOf(limits: CgroupLimits, layout: CgroupLayout): readonly string[] {
  return planCgroup(limits, layout).hierarchies.flatMap(({ writes }) =>
    writes.map(({ file, value }) => `${file}=${value}`),
  );
}

const io: CgroupLimits = {
  blockIo: {
    weight: 500,
    devices: [
      { major: 8, minor: 0, weight: 10, readBps: 1, writeBps: 2, readIops: 3, writeIops: 4 },
      { major: 8, minor: 16, writeIops: 5 },
    ],
  },
};

describe("block I/O", () => {
  test("planCgroup() writes each limit of each device on v1, and weights to the files that there are", () => {
    const rates = [
      "blkio.throttle.read_bps_device=8:0 1",
      "blkio.throttle.write_bps_device=8:0 2",
      "blkio.throttle.read_iops_device=8:0 3",
      "blkio.throttle.write_iops_device=8:0 4",
      "blkio.throttle.write_iops_device=8:16 5",
    ];
    expect(writesOf(io, without(v1, "blkio.weight", "blkio.weight_device"))).toEqual([
      "blkio.bfq.weight=500",
      "blkio.bfq.weight_device=8:0 10",
      ...rates,
    ]);
    const bare = without(v1, "blkio.weight", "blkio.bfq.weight");
    expect(writesOf(io, bare)).toEqual(rates);
    expect(planCgroup(io, bare).warnings).toEqual([
      "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",
      "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.",
    ]);
  });

  test("planCgroup() writes one line for each device on v2, and scales weights for iocost", () => {
    expect(writesOf(io, v2)).toEqual([
      "io.weight=default 4950",
      "io.bfq.weight=default 500",
      "io.weight=8:0 1",
      "io.bfq.weight=8:0 10",
      "io.max=8:0 rbps=1 wbps=2 riops=3 wiops=4",
      "io.max=8:16 wiops=5",
    ]);
  });

  test("planCgroup() warns in Docker's words of each limit that the host lacks", () => {
    expect(writesOf(io, none)).toEqual([]);
    expect(planCgroup(io, none).warnings.map((text) => text.split(". ").at(-1))).toEqual([
      "Weight discarded.",
      "Weight-device discarded.",
      "Block I/O BPS read limit discarded.",
      "Block I/O BPS write limit discarded.",
      "Block I/O IOPS read limit discarded.",
      "Block I/O IOPS write limit discarded.",
    ]);
  });
});

test("planCgroup() limits the memory of TCP on v1 and says on v2 that it does not", () => {
  expect(writesOf({ kernelTcpBytes: 4096 }, v1)).toEqual(["memory.kmem.tcp.limit_in_bytes=4096"]);
  expect(planCgroup({ kernelTcpBytes: 4096 }, v2)).toMatchObject({
    warnings: [expect.stringContaining("Limitation discarded.")],
  });
});

test("planCgroup() keeps swappiness on v1 and says on v2 that it does not", () => {
  expect(writesOf({ memorySwappiness: 0 }, v1)).toEqual(["memory.swappiness=0"]);
  expect(planCgroup({ memorySwappiness: 0 }, v2)).toMatchObject({
    hierarchies: [{ writes: [] }],
    warnings: [expect.stringContaining("Memory swappiness discarded.")],
  });
});

test("planCgroup() sets the period of real-time before what is judged by it", () => {
  const limits = { cpuRealtimePeriodUs: 20, cpuRealtimeRuntimeUs: 10 };
  expect(writesOf(limits, v1)).toEqual(["cpu.rt_period_us=20", "cpu.rt_runtime_us=10"]);
  for (const layout of [v2, none, without(v1, "cpu.rt_runtime_us")]) {
    expect(() => planCgroup(limits, layout)).toThrow("kernel does not support CPU real-time scheduler");
  }
});

test("planCgroup() limits huge pages in use and reserved, of sizes that the kernel has", () => {
  const limits = { hugePages: { "2MB": 8 } };
  expect(writesOf(limits, v1)).toEqual(["hugetlb.2MB.limit_in_bytes=8", "hugetlb.2MB.rsvd.limit_in_bytes=8"]);
  expect(writesOf(limits, v2)).toEqual(["hugetlb.2MB.max=8", "hugetlb.2MB.rsvd.max=8"]);
});

test("planCgroup() writes what the caller says to v2 last", () => {
  const limits = { memoryBytes: 64 << 20, unified: { "memory.max": "1", "io.max": "8:0 rbps=1" } };
  expect(writesOf(limits, v2).slice(-2)).toEqual(["memory.max=1", "io.max=8:0 rbps=1"]);
});

test.each([
  [{ blockIo: { weight: 5 } }, "Range of blkio weight is from 10 to 1000"],
  [{ blockIo: { devices: [{ major: 8, minor: 0, weight: 1001 }] } }, "Range of blkio weight"],
  [{ blockIo: { devices: [{ major: 8, minor: 0, readBps: -1 }] } }, "block device 8:0: invalid rate -1"],
  [{ blockIo: { devices: [{ major: 8, minor: 0, readBps: 1.5 }] } }, "block device 8:0: invalid rate 1.5"],
  [{ memorySwappiness: 101 }, "valid memory swappiness range is 0-100"],
  [{ kernelTcpBytes: -2 }, "Invalid value: -2"],
  [{ memorySwappiness: -2 }, "valid memory swappiness range is 0-100"],
  [{ hugePages: { "3MB": 1 } }, 'cannot limit huge pages of "3MB": this kernel has 2MB, 1GB'],
  [{ hugePages: { "../x": 1 } }, 'cannot limit huge pages of "../x"'],
  [{ hugePages: { "2MB": -1 } }, "Invalid value: -1"],
  [{ unified: { "../memory.max": "1" } }, "no such file"],
  [{ unified: { "memory.max/../../x": "1" } }, "no such file"],
  [{ unified: { "cgroup.procs": "1" } }, "it is the engine's own"],
  [{ unified: { "rdma.max": "1" } }, "this host has no rdma controller in cgroup v2"],
  [{ unified: { "memory.max": "" } }, "invalid value"],
  [{ unified: { "memory.max": "1\0" } }, "invalid value"],
] as const)("planCgroup() refuses %j", (limits, sentence) => {
  expect(() => planCgroup(limits as CgroupLimits, v2)).toThrow(sentence);
});

test("parseRuntimeResources() gathers the specification's lists by device", () => {
  expect(
    parseRuntimeResources({
      memory: { swappiness: 5 },
      cpu: { realtimePeriod: 2, realtimeRuntime: 1 },
      blockIO: {
        weight: 10,
        weightDevice: [{ major: 8, minor: 0, weight: 20 }],
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 1, rate: 2 }],
      },
      hugepageLimits: [{ pageSize: "2MB", limit: 4 }],
      unified: { "memory.high": "5" },
    }),
  ).toEqual({
    memorySwappiness: 5,
    cpuRealtimePeriodUs: 2,
    cpuRealtimeRuntimeUs: 1,
    blockIo: {
      weight: 10,
      devices: [
        { major: 8, minor: 0, weight: 20, readBps: 1 },
        { major: 8, minor: 1, writeIops: 2 },
      ],
    },
    hugePages: { "2MB": 4 },
    unified: { "memory.high": "5" },
  });
});

describe("formatRuntimeResources()", () => {
  const count = fc.nat();
  const rate = { requiredKeys: [] as [] };
  const device = fc
    .tuple(
      fc.nat(255),
      fc
        .record({ weight: count, readBps: count, writeBps: count, readIops: count, writeIops: count }, rate)
        .filter((rates) => Object.keys(rates).length > 0),
    )
    .map(([minor, rates]) => ({ major: 8, minor, ...rates }));
  const limits = fc.record(
    {
      memoryBytes: count,
      memorySwapBytes: count,
      memoryReservationBytes: count,
      oomKillDisable: fc.boolean(),
      cpuShares: count,
      cpuPeriodUs: count,
      cpuQuotaUs: count,
      cpusetCpus: fc.constant("0-3"),
      cpusetMems: fc.constant("0"),
      pidsLimit: count,
      memorySwappiness: count,
      kernelTcpBytes: count,
      cpuRealtimePeriodUs: count,
      cpuRealtimeRuntimeUs: count,
      blockIo: fc
        .record({
          weight: count,
          devices: fc.uniqueArray(device, { selector: ({ minor }) => minor, minLength: 1 }),
        })
        .map(({ weight, devices }) => ({
          weight,
          devices: devices.toSorted((one, other) => one.minor - other.minor),
        })),
      hugePages: fc.dictionary(fc.constantFrom("2MB", "1GB"), count, { minKeys: 1 }),
      unified: fc.dictionary(fc.constantFrom("memory.high", "cpu.idle"), fc.string(), { minKeys: 1 }),
    },
    { requiredKeys: [] },
  );

  test("says every limit so that parseRuntimeResources() reads the same", () => {
    fc.assert(
      fc.property(limits, (one) => {
        const read = parseRuntimeResources(formatRuntimeResources(one as CgroupLimits));
        const byNumber = read.blockIo?.devices?.toSorted((a, b) => a.minor - b.minor);
        const { blockIo } = read;
        const sorted = blockIo === undefined ? {} : { blockIo: { ...blockIo, devices: byNumber } };
        expect({ ...read, ...sorted } as unknown).toEqual(one);
      }),
    );
  });

  test("turns a number of CPUs into quota and period", () => {
    expect(formatRuntimeResources({ nanoCpus: 1_500_000_000 }).cpu).toEqual({
      quota: 150_000,
      period: 100_000,
    });
    expect(formatRuntimeResources({ nanoCpus: 0, cpuQuotaUs: 5 }).cpu).toEqual({ quota: 5 });
  });
});
