import type { CgroupLimits } from "../../../src/model/limits.ts";
import { expect, test } from "bun:test";
import { planCgroupChange } from "../../../src/linux/cgroup/change.ts";
import type { CgroupLayout } from "../../../src/linux/cgroup/layout.ts";

const MiB = 2 ** 20;
const base = { swapAccounting: true, cpus: "0-3", memoryNodes: "0" };
const controllers = ["cpu", "cpuset", "memory", "pids"];
const v1: CgroupLayout = { ...base, v1: [{ version: 1, mountPath: "/v1", controllers }] };
const v2: CgroupLayout = { ...base, v1: [], v2: { version: 2, mountPath: "/v2", controllers } };
const memory = (limit: number, swap: number): CgroupLimits => ({
  memoryBytes: limit * MiB,
  memorySwapBytes: swap < 0 ? swap : swap * MiB,
});

test.each([
  [memory(64, 128), memory(256, 512), v1, `memsw.limit_in_bytes=${512 * MiB} limit_in_bytes=${256 * MiB}`],
  [memory(256, 512), memory(32, 40), v1, `limit_in_bytes=${32 * MiB} memsw.limit_in_bytes=${40 * MiB}`],
  [memory(64, 128), memory(96, -1), v1, `memsw.limit_in_bytes=-1 limit_in_bytes=${96 * MiB}`],
  [{}, memory(32, 64), v1, `limit_in_bytes=${32 * MiB} memsw.limit_in_bytes=${64 * MiB}`],
  [memory(64, 128), memory(32, 128), v2, `max=${32 * MiB} swap.max=${96 * MiB}`],
] as const)("planCgroupChange() orders memory: case %#", (from, to, layout, expected) => {
  const { hierarchies } = planCgroupChange(from, to, layout);
  const writes = hierarchies.flatMap((one) => one.writes.map(({ file, value }) => `${file}=${value}`));
  expect(writes.join(" ").replaceAll("memory.", "")).toBe(expected);
});

test("planCgroupChange() writes only what differs and lifts what is gone", () => {
  const writes = (from: CgroupLimits, to: CgroupLimits, layout: CgroupLayout): unknown =>
    planCgroupChange(from, to, layout).hierarchies.flatMap((one) => one.writes);
  expect(writes({ pidsLimit: 5, cpuShares: 9 }, { cpuShares: 9 }, v1)).toEqual([
    { file: "pids.max", value: "max" },
  ]);
  expect(writes({ nanoCpus: 1e9 }, {}, v2)).toEqual([{ file: "cpu.max", value: "max 100000" }]);
  expect(writes(memory(64, 128), memory(64, 128), v1)).toEqual([]);
  expect(() => writes({}, { memoryBytes: 5 }, v1)).toThrow("6MB");
});

test("planCgroupChange() treats each device of a file as one limit, with its way back", () => {
  const io = (devices: NonNullable<CgroupLimits["blockIo"]>["devices"] & object): CgroupLimits => ({
    blockIo: { devices },
  });
  const writes = (from: CgroupLimits, to: CgroupLimits, layout: CgroupLayout): unknown =>
    planCgroupChange(from, to, layout).hierarchies.flatMap((one) => one.writes);
  const onV1: CgroupLayout = { ...base, v1: [{ version: 1, mountPath: "/v1", controllers: ["blkio"] }] };
  const onV2: CgroupLayout = { ...base, v1: [], v2: { version: 2, mountPath: "/v2", controllers: ["io"] } };
  const before = io([
    { major: 8, minor: 0, readBps: 1 },
    { major: 9, minor: 0, readBps: 2 },
  ]);
  const after = io([
    { major: 8, minor: 0, readBps: 1 },
    { major: 7, minor: 0, readBps: 3 },
  ]);
  const file = "blkio.throttle.read_bps_device";
  expect(writes(before, after, onV1)).toEqual([
    { file, value: "9:0 0", key: "9:0", undo: "9:0 0" },
    { file, value: "7:0 3", key: "7:0", undo: "7:0 0" },
  ]);
  const none = "rbps=max wbps=max riops=max wiops=max";
  expect(writes(before, after, onV2)).toEqual([
    { file: "io.max", value: `9:0 ${none}`, key: "9:0", undo: `9:0 ${none}` },
    { file: "io.max", value: "7:0 rbps=3", key: "7:0", undo: `7:0 ${none}` },
  ]);
});

test("planCgroupChange() says only what it has not said before", () => {
  const from: CgroupLimits = { oomKillDisable: true };
  expect(planCgroupChange(from, { ...from, cpuShares: 5 }, v1).warnings).toEqual([]);
  expect(planCgroupChange({}, from, v1).warnings.length).toBe(1);
});
