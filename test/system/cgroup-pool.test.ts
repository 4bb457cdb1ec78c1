import type { CgroupLimits } from "../../src/model/limits.ts";
import { afterEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import type { Cgroup, CgroupJoin } from "../../src/linux/cgroup/cgroup.ts";
import {
  type CgroupHierarchy,
  detectCgroups,
  findController,
  hierarchiesOf,
} from "../../src/linux/cgroup/layout.ts";
import { type CgroupParent, openCgroupParent } from "../../src/linux/cgroup/parent.ts";
import { type CgroupPlan, planCgroup } from "../../src/linux/cgroup/plan.ts";
import { defaultDeviceRules } from "../../src/linux/cgroup/device-rules.ts";
import { CgroupPool } from "../../src/linux/cgroup/cgroup-pool.ts";
import { poll } from "../support/patience.ts";
import { busyboxArchive } from "../support/images.ts";
import { aheadMs, Installation, isGone, isRoot, waitUntilEmpty } from "../support/tare.ts";

const parentName = `tare-test-${process.pid}`;
const layout = detectCgroups();
const hierarchies = hierarchiesOf(layout);
const isCpuset = (hierarchy: CgroupHierarchy): boolean =>
  hierarchy.version === 1 && hierarchy.controllers.includes("cpuset");
const pathIn = (hierarchy: CgroupHierarchy, name: string): string =>
  join(hierarchy.mountPath, parentName, name);
const placesOf = (name: string): readonly CgroupHierarchy[] =>
  hierarchies.filter((hierarchy) => existsSync(pathIn(hierarchy, name)));
const early = hierarchies.filter((hierarchy) => !isCpuset(hierarchy));

async function withSpare(work: (spare: CgroupPool, parent: CgroupParent) => Promise<void>): Promise<void> {
  const parent = openCgroupParent(parentName);
  try {
    using spare = new CgroupPool(parent, () => randomBytes(8).toString("hex"));
    await work(spare, parent);
  } finally {
    for (const { mountPath } of hierarchies) {
      for (const entry of readdirSync(join(mountPath, parentName), { withFileTypes: true }))
        if (entry.isDirectory()) await parent.open(entry.name).remove();
    }
    parent.removeEmpty();
  }
}

const plan = (parent: CgroupParent, limits: CgroupLimits = {}): CgroupPlan =>
  planCgroup(limits, parent.layout, { devices: defaultDeviceRules });

/** Two that are the same, after which one is prewarmed. */
async function ready(spare: CgroupPool, parent: CgroupParent, limits: CgroupLimits = {}): Promise<string> {
  for (const name of ["one", "two"]) await spare.create(name, plan(parent, limits)).remove();
  return poll(() => spare.name, { everyMs: 2, timeoutMs: 5_000, what: "see one prewarmed" });
}

function read(controller: string, name: string, v1: string, v2: string): string {
  const hierarchy = findController(layout, controller) as CgroupHierarchy;
  return readFileSync(join(pathIn(hierarchy, name), hierarchy.version === 1 ? v1 : v2), "utf8").trim();
}

/** Paths that this process has open below the parent. */
function heldBelow(): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.includes(`${parentName}/`) ? [target] : [];
    } catch {
      return [];
    }
  });
}

/** What the join leads to, as the kernel names it. */
function targetsOf({ intoCgroupFd, writeZeroFds }: CgroupJoin): readonly string[] {
  return [...writeZeroFds, ...(intoCgroupFd === undefined ? [] : [intoCgroupFd])]
    .map((fd) => readlinkSync(`/proc/self/fd/${fd}`).replace(/\/(tasks|cgroup\.procs)$/, ""))
    .sort();
}

function expectJoinsAll(cgroup: Cgroup): void {
  using opened = cgroup.openJoin();
  expect(targetsOf(opened)).toEqual(hierarchies.map((hierarchy) => pathIn(hierarchy, cgroup.name)).sort());
}

describe.skipIf(!isRoot)("CgroupPool", () => {
  afterEach(() => {
    expect(hierarchies.filter(({ mountPath }) => existsSync(join(mountPath, parentName)))).toEqual([]);
    expect(heldBelow()).toEqual([]);
  });

  test("makes one when two in a row had the same limits, and promises it once", () =>
    withSpare(async (spare, parent) => {
      expect(spare.promise()).toBeUndefined();
      await spare.create("one", plan(parent)).remove();
      await spare.create("other", plan(parent, { pidsLimit: 5 })).remove();
      await sleep(60);
      expect(spare.promise()).toBeUndefined();
      const name = await ready(spare, parent, { pidsLimit: 7 });
      expect(placesOf(name)).toEqual(early);
      expect(read("pids", name, "pids.max", "pids.max")).toBe("7");
      expect(spare.promise()).toBe(name);
      expect(spare.promise()).toBeUndefined();
    }));

  test("whoever comes with that name and the same limits has it, whole and with what it takes to join it", () =>
    withSpare(async (spare, parent) => {
      const name = await ready(spare, parent, { pidsLimit: 7, cpusetCpus: "0" });
      const inodes = (): readonly string[] =>
        early.map((hierarchy) =>
          execFileSync("stat", ["-c", "%i", pathIn(hierarchy, name)], { encoding: "utf8" }),
        );
      const made = inodes();
      const held = heldBelow();
      expect(held).toHaveLength(early.length);
      const cgroup = spare.create(spare.promise() as string, plan(parent, { pidsLimit: 7, cpusetCpus: "0" }));
      expect(cgroup.path).toBe(`${parentName}/${name}`);
      expect(inodes()).toEqual(made);
      expect(placesOf(name)).toEqual(hierarchies);
      expect(read("cpuset", name, "cpuset.cpus", "cpuset.cpus")).toBe("0");
      expect(read("cpuset", name, "cpuset.mems", "cpuset.mems.effective")).toBe("0");
      expectJoinsAll(spare.open(name));
      expect(heldBelow()).toEqual([]);
      expectJoinsAll(spare.open(name)); // what was at hand is used up
      expect(spare.name).toBeUndefined();
    }));

  test("whoever wants other limits has a cgroup with those", () =>
    withSpare(async (spare, parent) => {
      const name = await ready(spare, parent, { pidsLimit: 7 });
      const cgroup = spare.create(spare.promise() as string, plan(parent, { memoryBytes: 64 << 20 }));
      expect(placesOf(name)).toEqual(hierarchies);
      expect(read("pids", name, "pids.max", "pids.max")).toBe("max");
      expect(read("memory", name, "memory.limit_in_bytes", "memory.max")).toBe(String(64 << 20));
      expectJoinsAll(cgroup);
    }));

  test("one that somebody has taken away is made anew", () =>
    withSpare(async (spare, parent) => {
      const name = await ready(spare, parent);
      rmdirSync(pathIn(early.at(-1) as CgroupHierarchy, name));
      expectJoinsAll(spare.create(spare.promise() as string, plan(parent)));
      expect(placesOf(name)).toEqual(hierarchies);
    }));

  test("one that is promised and not asked for goes, and so does one at the end", () =>
    withSpare(async (spare, parent) => {
      const name = await ready(spare, parent);
      spare.promise();
      await poll(() => (placesOf(name).length === 0 ? true : undefined), {
        everyMs: 10,
        timeoutMs: 5_000,
        what: "see it gone",
      });
      const last = await ready(spare, parent);
      expect(placesOf(last)).toEqual(early);
      spare[Symbol.dispose]();
      expect(placesOf(last)).toEqual([]);
    }));

  test("refuses as without one what the kernel does, and leaves nothing", () =>
    withSpare(async (spare, parent) => {
      const name = await ready(spare, parent);
      const wrong = planCgroup({ cpusetCpus: "0" }, parent.layout);
      const hierarchiesOfIt = wrong.hierarchies.map((step) => ({
        ...step,
        writes: step.writes.map((write) => ({ ...write, value: "4000" })),
      }));
      expect(() => spare.create(name, { ...wrong, hierarchies: hierarchiesOfIt })).toThrow(
        /cannot create cgroup .*the kernel refuses/,
      );
      expect(placesOf(name)).toEqual([]);
    }));

  test.skipIf(!hierarchies.some(isCpuset))("leaves the CPUs of the cgroup above it to be changed", () =>
    withSpare(async (spare, parent) => {
      const name = await ready(spare, parent);
      const cpuset = hierarchies.find(isCpuset) as CgroupHierarchy;
      const above = pathIn(cpuset, "cpuset.cpus");
      writeFileSync(above, "0");
      spare.create(spare.promise() as string, plan(parent));
      expect(read("cpuset", name, "cpuset.cpus", "")).toBe("0");
    }),
  );
});

describe.skipIf(!isRoot)("an engine's cgroup that is prewarmed", () => {
  const run = ["run", "--rm", "busybox"];
  const namesIn = (tare: Installation): readonly string[] => [
    ...new Set(tare.cgroups().map((path) => path.slice(-64))),
  ];
  /** When nothing is left of those that ran. */
  const oneAhead = async (tare: Installation): Promise<string> => {
    await tare.must(["system", "settle"]);
    return await poll(() => namesIn(tare)[0], { everyMs: 5, timeoutMs: 5_000, what: "see one prewarmed" });
  };

  test("is the next container's, whose id it has, and is no finding; what nobody wants goes by itself", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    for (let runs = 0; runs < 2; runs++) await tare.must([...run, "true"]);
    const id = await oneAhead(tare);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    const seen = await tare.must([...run, "sh", "-c", "hostname; cat /proc/self/cgroup"]);
    expect(seen).toStartWith(`${id.slice(0, 12)}\n`);
    const started = await tare.must(["run", "-d", "--name", "there", "busybox", "sleep", "1000"]);
    const text = readFileSync(
      `/proc/${await tare.must(["inspect", "-f", "{{.State.Pid}}", "there"])}/cgroup`,
      "utf8",
    );
    expect(
      text
        .trim()
        .split("\n")
        .every((line) => line.endsWith(`/${tare.cgroupParent()}/${started}`)),
    ).toBe(true);
    expect(await waitUntilEmpty(() => namesIn(tare).filter((name) => name !== started), aheadMs)).toEqual([]);
    expect(await tare.must(["exec", "there", "echo", "alive"])).toBe("alive");
  });

  test("of one that was created and not started it is taken away", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    for (let runs = 0; runs < 2; runs++) await tare.must([...run, "true"]);
    const id = await oneAhead(tare);
    expect(await tare.must(["create", "--name", "later", "busybox", "echo", "hi"])).toBe(id);
    expect(await waitUntilEmpty(() => tare.cgroups(id))).toEqual([]);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    expect(await tare.must(["start", "-a", "later"])).toBe("hi");
  });

  test("goes at the next open when the engine was killed", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    for (let runs = 0; runs < 2; runs++) await tare.must([...run, "true"]);
    const left = await oneAhead(tare);
    const daemon = tare.daemonPid() as number;
    process.kill(daemon, "SIGKILL");
    await poll(() => (isGone(daemon) ? true : undefined), {
      everyMs: 5,
      timeoutMs: 10_000,
      what: "see it end",
    });
    expect(namesIn(tare)).toEqual([left]);
    await tare.must(["ps"]);
    expect(namesIn(tare)).toEqual([]);
  });
});
