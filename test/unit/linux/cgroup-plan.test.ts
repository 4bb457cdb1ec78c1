import type { CgroupLimits } from "../../../src/model/limits.ts";
import { describe, expect, test } from "bun:test";
import { type CgroupLayout, parseCgroupHierarchies } from "../../../src/linux/cgroup/layout.ts";
import { parseRuntimeResources } from "../../../src/linux/cgroup/runtime-resources.ts";
import { planCgroup } from "../../../src/linux/cgroup/plan.ts";
import { parseNumberList } from "../../../src/linux/cgroup/internal/number-list.ts";
import { weightOfShares } from "../../../src/linux/cgroup/internal/v2/writes.ts";
import { defaultDeviceRules } from "../../../src/linux/cgroup/device-rules.ts";
import { parseMountinfo } from "../../../src/linux/mount/mountinfo.ts";

const MiB = 2 ** 20;
const base = { swapAccounting: true, cpus: "0-3", memoryNodes: "0" };
const v1 = (...controllers: string[]): CgroupLayout["v1"][number] => ({
  version: 1,
  mountPath: `/sys/fs/cgroup/${controllers.join(",")}`,
  controllers,
});
const all = ["cpu", "cpuset", "io", "memory", "pids"];
const layouts = {
  v1: { ...base, v1: ["cpu", "cpuset", "memory", "devices", "pids"].map((name) => v1(name)) },
  v2: { ...base, v1: [], v2: { version: 2, mountPath: "/sys/fs/cgroup", controllers: all } },
  mixed: {
    ...base,
    v1: [v1("cpu", "cpuacct"), v1("devices")],
    v2: { version: 2, mountPath: "/sys/fs/cgroup/unified", controllers: ["memory", "pids"] },
  },
  none: { ...base, v1: [] },
} as const satisfies Record<string, CgroupLayout>;

/** `mount:file=value` of all writes but devices. */
function writesOf(limits: CgroupLimits, layout: CgroupLayout): string[] {
  return planCgroup(limits, layout).hierarchies.flatMap((one) =>
    one.writes.map((write) => `${one.hierarchy.version}:${write.file}=${write.value}`),
  );
}

const full: CgroupLimits = {
  memoryBytes: 64 * MiB,
  memorySwapBytes: 96 * MiB,
  memoryReservationBytes: 32 * MiB,
  cpuShares: 512,
  nanoCpus: 1_500_000_000,
  cpusetCpus: "0-1,3",
  cpusetMems: "0",
  pidsLimit: 100,
};

describe("planCgroup()", () => {
  test("planCgroup() writes v1 in an order that the kernel takes", () => {
    expect(writesOf(full, layouts.v1)).toEqual([
      "1:cpu.shares=512",
      "1:cpu.cfs_period_us=100000",
      "1:cpu.cfs_quota_us=150000",
      "1:cpuset.cpus=0-1,3",
      "1:cpuset.mems=0",
      `1:memory.limit_in_bytes=${64 * MiB}`,
      `1:memory.memsw.limit_in_bytes=${96 * MiB}`,
      `1:memory.soft_limit_in_bytes=${32 * MiB}`,
      "1:pids.max=100",
    ]);
  });

  test("planCgroup() writes v2 with its own meanings", () => {
    expect(writesOf(full, layouts.v2)).toEqual([
      "2:cpu.weight=20",
      "2:cpu.max=150000 100000",
      "2:cpuset.cpus=0-1,3",
      "2:cpuset.mems=0",
      `2:memory.max=${64 * MiB}`,
      `2:memory.swap.max=${32 * MiB}`,
      `2:memory.low=${32 * MiB}`,
      "2:pids.max=100",
    ]);
  });

  test("planCgroup() chooses controller by controller on a hybrid host", () => {
    const { warnings } = planCgroup(full, layouts.mixed);
    expect(writesOf(full, layouts.mixed)).toEqual([
      `2:memory.max=${64 * MiB}`,
      `2:memory.swap.max=${32 * MiB}`,
      `2:memory.low=${32 * MiB}`,
      "2:pids.max=100",
      "1:cpu.shares=512",
      "1:cpu.cfs_period_us=100000",
      "1:cpu.cfs_quota_us=150000",
    ]);
    expect(warnings).toEqual([
      "Your kernel does not support cpuset capabilities or the cgroup is not mounted. Cpuset discarded.",
    ]);
  });

  test("planCgroup() warns of each limit on a host without cgroups", () => {
    const plan = planCgroup({ ...full, oomKillDisable: true }, layouts.none);
    expect(plan.hierarchies).toEqual([]);
    expect(plan.warnings.length).toBe(4);
  });

  test("planCgroup() doubles the memory limit for swap unless told", () => {
    const swapOf = (limits: CgroupLimits, layout: CgroupLayout): string | undefined =>
      writesOf({ memoryBytes: 64 * MiB, ...limits }, layout).find((write) => /memsw|swap/.test(write));
    expect(swapOf({}, layouts.v1)).toBe(`1:memory.memsw.limit_in_bytes=${128 * MiB}`);
    expect(swapOf({}, layouts.v2)).toBe(`2:memory.swap.max=${64 * MiB}`);
    expect(swapOf({ memorySwapBytes: -1 }, layouts.v1)).toBe("1:memory.memsw.limit_in_bytes=-1");
    expect(swapOf({ memorySwapBytes: -1 }, layouts.v2)).toBe("2:memory.swap.max=max");
    expect(swapOf({ memorySwapBytes: 64 * MiB }, layouts.v2)).toBe("2:memory.swap.max=0");
  });

  test("planCgroup() limits memory without swap where swap is not accounted", () => {
    const plan = planCgroup({ memoryBytes: 64 * MiB }, { ...layouts.v1, swapAccounting: false });
    expect(plan.hierarchies.flatMap((one) => one.writes).map((write) => write.file)).toEqual([
      "memory.limit_in_bytes",
    ]);
    expect(plan.warnings).toEqual([
      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    ]);
  });

  test("planCgroup() takes zeros and unlimited as no limit", () => {
    const nothing = {
      memoryBytes: 0,
      memorySwapBytes: 0,
      cpuShares: 0,
      nanoCpus: 0,
      pidsLimit: 0,
      cpusetCpus: "",
    };
    expect(writesOf(nothing, layouts.v1)).toEqual([]);
    expect(writesOf({ pidsLimit: -1, cpuQuotaUs: -1 }, layouts.v2)).toEqual(["2:cpu.max=max 100000"]);
    expect(writesOf({ cpuPeriodUs: 50_000 }, layouts.v1)).toEqual(["1:cpu.cfs_period_us=50000"]);
  });

  test.each([
    [{ memoryBytes: 6 * MiB - 1 }, "Minimum memory limit allowed is 6MB"],
    [{ memoryReservationBytes: 1 }, "Minimum memory reservation allowed is 6MB"],
    [
      { memoryBytes: 64 * MiB, memorySwapBytes: 32 * MiB },
      "Minimum memoryswap limit should be larger than memory",
    ],
    [{ memorySwapBytes: 32 * MiB }, "You should always set the Memory limit when using Memoryswap limit"],
    [
      { memoryBytes: 16 * MiB, memoryReservationBytes: 32 * MiB },
      "can not be less than memory reservation limit",
    ],
    [{ memoryBytes: -1 }, "Invalid value: -1"],
    [{ memoryBytes: 2 ** 60 }, "Invalid value"],
    [{ memoryBytes: Number.NaN }, "Invalid value: NaN"],
    [{ nanoCpus: 4_000_000_001 }, "range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available"],
    [{ nanoCpus: 1000 }, "range of CPUs is from 0.01 to 4.00"],
    [{ nanoCpus: 1e9, cpuPeriodUs: 1000 }, "Nano CPUs and CPU Period cannot both be set"],
    [{ nanoCpus: 1e9, cpuQuotaUs: 1000 }, "Nano CPUs and CPU Quota cannot both be set"],
    [{ cpuPeriodUs: 999 }, "CPU cfs period can not be less than 1ms"],
    [{ cpuPeriodUs: 1_000_001 }, "larger than 1s (i.e. 1000000)"],
    [{ cpuQuotaUs: 999 }, "CPU cfs quota can not be less than 1ms (i.e. 1000)"],
    [{ cpusetCpus: "4" }, "Requested CPUs are not available - requested 4, available: 0-3"],
    [{ cpusetMems: "1" }, "Requested memory nodes are not available - requested 1, available: 0"],
    [{ cpusetCpus: "3-1" }, "Invalid value 3-1 for cpuset cpus"],
    [{ cpusetCpus: "0\n1" }, "for cpuset cpus"],
    [{ cpusetCpus: "0-4000000000" }, "for cpuset cpus"],
    [{ pidsLimit: 1.5 }, "Invalid value: 1.5"],
  ])("planCgroup() refuses %p", (limits, sentence) => {
    for (const layout of Object.values(layouts)) expect(() => planCgroup(limits, layout)).toThrow(sentence);
  });

  test("planCgroup() discards oomKillDisable on v2 and warns of it without a limit on v1", () => {
    expect(planCgroup({ oomKillDisable: true }, layouts.v2).warnings).toEqual([
      "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    ]);
    expect(writesOf({ oomKillDisable: true }, layouts.v1)).toEqual(["1:memory.oom_control=1"]);
    expect(planCgroup({ oomKillDisable: true }, layouts.v1).warnings).toHaveLength(1);
  });

  test("planCgroup() denies all devices before it allows some, on v1; leaves them to a filter on v2", () => {
    const onV1 = planCgroup({}, layouts.v1, { devices: defaultDeviceRules });
    const writes = onV1.hierarchies
      .flatMap((one) => one.writes)
      .map((write) => `${write.file} ${write.value}`);
    expect(writes.slice(0, 4)).toEqual([
      "devices.deny a",
      "devices.allow c *:* m",
      "devices.allow b *:* m",
      "devices.allow c 1:3 rwm",
    ]);
    expect(onV1.deviceFilter).toBeUndefined();
    expect(planCgroup({}, layouts.mixed, { devices: defaultDeviceRules }).deviceFilter).toBeUndefined();
    expect(planCgroup({}, layouts.v2, { devices: defaultDeviceRules }).deviceFilter).toBe(defaultDeviceRules);
    expect(planCgroup({}, layouts.v2).deviceFilter).toBeUndefined();
  });
});

test.each([
  [2, 1],
  [1024, 39],
  [262_144, 10_000],
])("weightOfShares() maps %p to %p", (shares, weight) => {
  expect(weightOfShares(shares)).toBe(weight);
});

test("parseRuntimeResources() reads a runtime configuration", () => {
  expect(
    parseRuntimeResources({ memory: { limit: 1 }, cpu: { shares: 2, cpus: "0" }, pids: { limit: 3 } }),
  ).toEqual({
    memoryBytes: 1,
    cpuShares: 2,
    cpusetCpus: "0",
    pidsLimit: 3,
  });
});

test("parseNumberList() reads the kernel's list format", () => {
  expect([...parseNumberList("0-2, 7,7", "cpus")]).toEqual([0, 1, 2, 7]);
  expect(parseNumberList("", "cpus").size).toBe(0);
});

describe("parseCgroupHierarchies()", () => {
  test("parseCgroupHierarchies() tells controllers from other options, named and doubled hierarchies", () => {
    const mounts = parseMountinfo(
      [
        "1 0 0:1 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
        "2 0 0:2 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd",
        "3 0 0:1 / /elsewhere rw - cgroup cgroup rw,cpu,cpuacct",
        "4 0 0:3 / /sys/fs/cgroup/net_cls rw - cgroup cgroup rw,net_cls,release_agent=/x",
        "5 0 0:4 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate",
      ].join("\n"),
    );
    expect(parseCgroupHierarchies(mounts, (path) => [`of ${path}`])).toEqual({
      v1: [
        { version: 1, mountPath: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["cpu", "cpuacct"] },
        { version: 1, mountPath: "/sys/fs/cgroup/systemd", controllers: [], name: "systemd" },
        { version: 1, mountPath: "/sys/fs/cgroup/net_cls", controllers: ["net_cls"] },
      ],
      v2: { version: 2, mountPath: "/sys/fs/cgroup/unified", controllers: ["of /sys/fs/cgroup/unified"] },
    });
  });
});
