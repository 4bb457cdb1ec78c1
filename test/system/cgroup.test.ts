import type { CgroupLimits } from "../../src/model/limits.ts";
import { afterEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import type { Cgroup } from "../../src/linux/cgroup/cgroup.ts";
import {
  type CgroupHierarchy,
  type CgroupLayout,
  detectCgroups,
  directoryNameOf,
  findController,
  hierarchiesOf,
} from "../../src/linux/cgroup/layout.ts";
import { planCgroupMounts } from "../../src/linux/cgroup/mounts.ts";
import { type CgroupParent, openCgroupParent } from "../../src/linux/cgroup/parent.ts";
import { planCgroup } from "../../src/linux/cgroup/plan.ts";
import { pathIn, readCgroupPaths } from "../../src/linux/cgroup/paths.ts";
import { type DeviceRule, defaultDeviceRules } from "../../src/linux/cgroup/device-rules.ts";
import { hasDeviceFilters } from "../../src/linux/cgroup/internal/v2/device-filter.ts";
import { poll } from "../support/patience.ts";

const parentName = `tare-test-${process.pid}`;
const children: ChildProcess[] = [];

async function withParent(
  body: (parent: CgroupParent) => Promise<void> | void,
  layout: CgroupLayout = detectCgroups(),
): Promise<void> {
  const parent = openCgroupParent(parentName, layout);
  try {
    await body(parent);
  } finally {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    for (const hierarchy of hierarchiesOf(layout)) {
      for (const entry of readdirSync(join(hierarchy.mountPath, parentName), { withFileTypes: true })) {
        if (!entry.isDirectory()) continue;
        await parent.open(entry.name).killAll();
        await parent.open(entry.name).remove();
      }
    }
    parent.removeEmpty();
  }
}

afterEach(() => {
  const left = hierarchiesOf(detectCgroups()).filter((one) => existsSync(join(one.mountPath, parentName)));
  expect(left).toEqual([]);
});

const make = (parent: CgroupParent, limits: CgroupLimits = {}, devices?: readonly DeviceRule[]): Cgroup =>
  parent.create("one", planCgroup(limits, parent.layout, devices === undefined ? {} : { devices }));

const pathOf = (hierarchy: CgroupHierarchy, file: string, name = "one"): string =>
  join(hierarchy.mountPath, parentName, name, file);

/** A shell whose process joins the cgroup itself, as a container's child does, then runs the script. */
function spawnIn(
  cgroup: Cgroup,
  layout: CgroupLayout,
  script: string,
  env: Record<string, string> = {},
): Promise<{ pid: number; child: ChildProcess }> {
  const files = hierarchiesOf(layout).map((hierarchy) =>
    join(hierarchy.mountPath, cgroup.path, hierarchy.version === 1 ? "tasks" : "cgroup.procs"),
  );
  const joins = files.map((file) => `echo 0 > ${file}`).join(" && ");
  const child = spawn("sh", ["-c", `${joins} && echo in && ${script}`], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.stdout.once("data", () => resolve({ pid: child.pid as number, child }));
    child.once("exit", (code) => reject(new Error(`the child ended with ${code}`)));
  });
}

const ended = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? String(code))));

describe("CgroupParent", () => {
  test("create() writes every limit where the controller lives", async () => {
    await withParent((parent) => {
      make(parent, {
        memoryBytes: 64 << 20,
        memorySwapBytes: 96 << 20,
        cpuShares: 512,
        nanoCpus: 500_000_000,
        cpusetCpus: "0",
        pidsLimit: 33,
      });
      const read = (controller: string, v1: string, v2: string): string | undefined => {
        const hierarchy = findController(parent.layout, controller);
        return hierarchy && readFileSync(pathOf(hierarchy, hierarchy.version === 1 ? v1 : v2), "utf8").trim();
      };
      expect(read("memory", "memory.limit_in_bytes", "memory.max")).toBe(String(64 << 20));
      expect(read("pids", "pids.max", "pids.max")).toBe("33");
      expect(read("cpuset", "cpuset.cpus", "cpuset.cpus")).toBe("0");
      expect(read("cpu", "cpu.cfs_quota_us", "cpu.max")).toMatch(/^50000( 100000)?$/);
      expect(read("memory", "memory.memsw.limit_in_bytes", "memory.swap.max")).toBeOneOf([
        String(96 << 20),
        String(32 << 20),
      ]);
    });
  });

  test("create() leaves nothing when the kernel refuses a value", async () => {
    await withParent((parent) => {
      const plan = planCgroup({}, parent.layout);
      const last = plan.hierarchies.at(-1);
      if (last === undefined) throw new Error("no hierarchies");
      const bad = {
        ...plan,
        hierarchies: [
          ...plan.hierarchies.slice(0, -1),
          { ...last, writes: [{ file: "cgroup.procs", value: "x" }] },
        ],
      };
      expect(() => parent.create("one", bad)).toThrow(
        `cannot create cgroup "${parentName}/one": the kernel refuses "x" to cgroup.procs: EINVAL`,
      );
      for (const one of hierarchiesOf(parent.layout)) expect(existsSync(pathOf(one, ""))).toBe(false);
    });
  });

  test("create() replaces an empty leftover and refuses one that is in use", async () => {
    await withParent(async (parent) => {
      make(parent, { pidsLimit: 7 });
      const again = make(parent, {});
      const pids = findController(parent.layout, "pids");
      if (pids) expect(readFileSync(pathOf(pids, "pids.max"), "utf8").trim()).toBe("max");
      await spawnIn(again, parent.layout, "exec sleep 60");
      expect(() => make(parent, {})).toThrow(/a cgroup of that name is in use/);
      await again.killAll();
    });
  });

  test("create() makes the parent again when someone removed it", async () => {
    await withParent((parent) => {
      openCgroupParent(parentName, parent.layout).removeEmpty();
      make(parent);
      for (const one of hierarchiesOf(parent.layout))
        expect(existsSync(pathOf(one, "cgroup.procs"))).toBe(true);
    });
  });

  test("create() refuses names that would leave the tree", async () => {
    await withParent((parent) => {
      for (const name of ["..", "a/b", "", ".hidden", "a\0b"]) {
        expect(() => parent.create(name, planCgroup({}, parent.layout))).toThrow(/cannot use cgroup name/);
      }
    });
  });

  test("openCgroupParent() refuses paths that would leave the tree", () => {
    for (const path of ["..", "a/../b", "/", "a/.b"]) {
      expect(() => openCgroupParent(path)).toThrow(/cannot use cgroup path/);
    }
  });
});

describe("Cgroup", () => {
  test("openJoin() gives a descriptor for each hierarchy", async () => {
    await withParent((parent) => {
      using joined = make(parent).openJoin();
      expect(joined.writeZeroFds.length).toBe(parent.layout.v1.length);
      expect(joined.intoCgroupFd === undefined).toBe(parent.layout.v2 === undefined);
    });
  });

  test("openJoin() writes to v2 as well when a process cannot be born in a cgroup", async () => {
    process.env["TARE_WITHOUT"] = "clone-into-cgroup";
    try {
      await withParent((parent) => {
        using joined = make(parent).openJoin();
        expect(joined.intoCgroupFd).toBeUndefined();
        expect(joined.writeZeroFds.length).toBe(hierarchiesOf(parent.layout).length);
      });
    } finally {
      delete process.env["TARE_WITHOUT"];
    }
  });

  test("openJoin() goes beside a process that moved down, never out of the cgroup", async () => {
    await withParent(async (parent) => {
      const { v2 } = parent.layout;
      if (v2 === undefined) return;
      const cgroup = make(parent);
      const { pid } = await spawnIn(cgroup, parent.layout, "exec sleep 60");
      mkdirSync(pathOf(v2, "init"));
      writeFileSync(pathOf(v2, "init/cgroup.procs"), String(pid));
      using joined = cgroup.openJoin({ siblingPid: pid });
      const into = joined.intoCgroupFd as number;
      expect(readFileSync(`/proc/self/fd/${into}/cgroup.procs`, "utf8").trim()).toBe(String(pid));
      expect(() => cgroup.openJoin({ siblingPid: process.pid })).toThrow(/is not in it/);
    });
  });

  test("create() fills a cpuset, also where the kernel does not", async () => {
    await withParent((parent) => {
      const cpuset = findController(parent.layout, "cpuset");
      if (cpuset?.version !== 1) return;
      for (const [name, does] of [
        ["one", "1"],
        ["two", "0"],
      ] as const) {
        writeFileSync(pathOf(cpuset, "cgroup.clone_children", "."), does);
        parent.create(name, planCgroup({}, parent.layout));
        for (const file of ["cpuset.cpus", "cpuset.mems"]) {
          const above = readFileSync(pathOf(cpuset, file, "."), "latin1");
          expect([readFileSync(pathOf(cpuset, file, name), "latin1"), above.trim()]).not.toContain("");
          expect(readFileSync(pathOf(cpuset, file, name), "latin1")).toBe(above);
        }
      }
    });
  });

  test("the kernel fills the cpusets below one that is the engine's own", async () => {
    await withParent((parent) => {
      const cpuset = findController(parent.layout, "cpuset");
      if (cpuset?.version !== 1) return;
      mkdirSync(pathOf(cpuset, "", "made"));
      expect(readFileSync(pathOf(cpuset, "cpuset.mems", "made"), "latin1").trim()).not.toBe("");
    });
  });

  test("openKeeperJoin() leads out of each cgroup that limits this process, and is idempotent", async () => {
    await withParent((parent) => {
      const paths = readCgroupPaths("self");
      const limited = hierarchiesOf(parent.layout).filter((one) => pathIn(paths, one) !== "/");
      for (let again = 0; again < 2; again++) {
        using joined = parent.openKeeperJoin();
        const born = joined.intoCgroupFd === undefined ? 0 : 1;
        expect(joined.writeZeroFds.length + born).toBe(limited.length);
      }
      for (const one of hierarchiesOf(parent.layout)) {
        expect(existsSync(pathOf(one, "", "keepers"))).toBe(limited.includes(one));
      }
    });
  });

  test("pids() and statistics() see what runs in it", async () => {
    await withParent(async (parent) => {
      const cgroup = make(parent);
      const { pid } = await spawnIn(cgroup, parent.layout, "exec sleep 60");
      expect(cgroup.pids()).toEqual([pid]);
      expect(readCgroupPaths(pid).get("")).toBe(`/${cgroup.path}`);
      const statistics = await cgroup.statistics();
      if (findController(parent.layout, "pids")) expect(statistics?.pids).toEqual({ current: 1 });
      expect(statistics?.cpu?.totalNs).toBeGreaterThanOrEqual(0);
      expect(await parent.open("absent").statistics()).toBeUndefined();
    });
  });

  // A host with version 2 alone has nothing left without it.
  const absences = detectCgroups().v1.length > 0 ? ["", "cgroup2", "cgroup.kill"] : ["", "cgroup.kill"];
  test.each(absences)("killAll() ends nested forks, without %p", async (without) => {
    process.env["TARE_WITHOUT"] = without;
    try {
      await withParent(async (parent) => {
        const cgroup = make(parent);
        const { child } = await spawnIn(cgroup, parent.layout, "while :; do sleep 30 & sleep 0.01; done");
        await poll(() => (cgroup.pids().length > 2 ? true : undefined), {
          timeoutMs: 10_000,
          what: "see it fork",
        });
        for (const one of hierarchiesOf(parent.layout))
          mkdirSync(pathOf(one, "deep/er"), { recursive: true });
        const end = ended(child);
        await cgroup.killAll();
        expect(cgroup.pids()).toEqual([]);
        // Without cgroup.kill nothing may fork any more before the signal comes: a shell may end for that.
        expect(["SIGKILL", ...(without === "" ? [] : ["2"])]).toContain(await end);
        await cgroup.remove();
        for (const one of hierarchiesOf(parent.layout)) expect(existsSync(pathOf(one, ""))).toBe(false);
      });
    } finally {
      delete process.env["TARE_WITHOUT"];
    }
  });

  test("killAll() ends processes in cgroups below", async () => {
    await withParent(async (parent) => {
      const cgroup = make(parent);
      const { child, pid } = await spawnIn(cgroup, parent.layout, "exec sleep 60");
      for (const one of hierarchiesOf(parent.layout)) {
        mkdirSync(pathOf(one, "deep"));
        if (one.version === 1 && existsSync(pathOf(one, "cpuset.cpus"))) {
          for (const file of ["cpuset.cpus", "cpuset.mems"]) {
            writeFileSync(pathOf(one, `deep/${file}`), readFileSync(pathOf(one, file)));
          }
        }
        writeFileSync(pathOf(one, "deep/cgroup.procs"), String(pid));
      }
      expect(cgroup.pids()).toEqual([pid]);
      const end = ended(child);
      await cgroup.killAll();
      expect(await end).toBe("SIGKILL");
    });
  });

  test.each(["", "cgroup1"])(
    "freeze() stops and thaw() goes on; killAll() of frozen ones works, without %p",
    async (without) => {
      process.env["TARE_WITHOUT"] = without;
      try {
        await withParent(async (parent) => {
          const cgroup = make(parent);
          const { child } = await spawnIn(cgroup, parent.layout, "while :; do sleep 0.01; done");
          expect(cgroup.isFrozen()).toBe(false);
          await cgroup.freeze();
          expect(cgroup.isFrozen()).toBe(true);
          const cpuNs = async (): Promise<number> => (await cgroup.statistics())?.cpu?.totalNs ?? -1;
          // The last moments are accounted late.
          const standing = async (): Promise<number | undefined> => {
            const before = await cpuNs();
            await sleep(60);
            return (await cpuNs()) === before ? before : undefined;
          };
          const before = await poll(standing, { timeoutMs: 10_000, what: "see it stand still" });
          cgroup.thaw();
          await poll(async () => (!cgroup.isFrozen() && (await cpuNs()) > before ? true : undefined), {
            timeoutMs: 10_000,
            what: "see it go on",
          });
          await cgroup.freeze();
          const end = ended(child);
          await cgroup.killAll();
          expect(await end).toBe("SIGKILL");
        });
      } finally {
        delete process.env["TARE_WITHOUT"];
      }
    },
  );

  test("oomKills() counts what the kernel killed", async () => {
    await withParent(async (parent) => {
      if (findController(parent.layout, "memory") === undefined) return;
      const cgroup = make(parent, { memoryBytes: 8 << 20, memorySwapBytes: 8 << 20 });
      expect(cgroup.oomKills()).toBe(0);
      const { child } = await spawnIn(cgroup, parent.layout, "exec tail /dev/zero");
      expect(await ended(child)).toBe("SIGKILL");
      expect(cgroup.oomKills()).toBeGreaterThan(0);
    });
  });

  test("remove() fails naming what is left, and is fine when absent", async () => {
    await withParent(async (parent) => {
      const cgroup = make(parent);
      await cgroup.remove();
      await cgroup.remove();
      const again = make(parent);
      const { pid } = await spawnIn(again, parent.layout, "exec sleep 60");
      await expect(again.remove({ timeoutMs: 50 })).rejects.toThrow(
        `cannot remove cgroup "${again.path}": processes are left in it: ${pid}`,
      );
    });
  });

  test("remove() takes very deep trees with few descriptors", async () => {
    await withParent(async (parent) => {
      const { v2 } = parent.layout;
      if (v2 === undefined) return;
      const cgroup = make(parent);
      // 60 levels of long names: about as long as a path may be
      let at = pathOf(v2, "");
      const name = "x".repeat(60);
      for (let depth = 0; depth < 60; depth++) mkdirSync((at = join(at, name)));
      await cgroup.remove();
      expect(existsSync(pathOf(v2, ""))).toBe(false);
    });
  });
});

describe("descriptors", () => {
  const openNow = (): number => readdirSync("/proc/self/fd").length;

  test("a cgroup's whole life leaves none open, and a refused plan neither", async () => {
    await withParent(async (parent) => {
      const live = async (): Promise<void> => {
        const cgroup = make(parent, { memoryBytes: 64 << 20 }, defaultDeviceRules);
        for (const one of hierarchiesOf(parent.layout)) mkdirSync(pathOf(one, "a/b"), { recursive: true });
        cgroup.openJoin()[Symbol.dispose]();
        parent.openKeeperJoin()[Symbol.dispose]();
        await cgroup.statistics();
        cgroup.oomKills();
        cgroup.pids();
        await cgroup.freeze();
        cgroup.thaw();
        await cgroup.killAll();
        await cgroup.remove();
        expect(() => cgroup.openJoin()).toThrow(/ENOENT/);
        expect(() => make(parent, { memoryBytes: 64 << 20, cpusetCpus: "77" })).toThrow();
      };
      await live();
      const before = openNow();
      for (let times = 0; times < 10; times++) await live();
      // One of before may have been closed meanwhile.
      expect(openNow()).toBeLessThanOrEqual(before);
    });
    const before = openNow();
    await withParent(() => {});
    expect(openNow()).toBe(before);
  });
});

describe("planCgroupMounts()", () => {
  test.each([
    ["private", false],
    ["private", true],
    ["host", false],
  ] as const)(
    "planCgroupMounts() shows a container its own cgroup, namespace %p writable %p",
    async (namespace, writable) => {
      await withParent(async (parent) => {
        const cgroup = make(parent);
        const target = mkdtempSync(join(tmpdir(), "tare-cgroup-"));
        const plan = planCgroupMounts(parent.layout, { namespace, path: cgroup.path, writable, target });
        const script = join(import.meta.dir, "../support/apply-cgroup-mounts.ts");
        const input = JSON.stringify(plan).replaceAll("'", "");
        const unshare = `unshare --mount ${namespace === "private" ? "--cgroup" : ""}`;
        const inside = `find . -maxdepth 2 -name cgroup.procs | sort; cat */cgroup.procs cgroup.procs 2>/dev/null | sort -u`;
        const tries = `mkdir new 2>/dev/null && echo made; for d in */; do mkdir $d/new 2>/dev/null && echo made $d; done`;
        const cd = `cd ${target}`;
        const { child } = await spawnIn(
          cgroup,
          parent.layout,
          `exec ${unshare} sh -c '${process.execPath} ${script} && ${cd} && ${inside}; ${tries}; true' < /dev/null`,
          { TARE_PLAN: input },
        );
        let output = "";
        child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
        expect(await ended(child)).toBe("0");
        rmdirSync(target);
        const names =
          parent.layout.v1.length === 0
            ? ["."]
            : hierarchiesOf(parent.layout).map((one) => `./${directoryNameOf(one)}`);
        for (const name of names) expect(output).toContain(`${name}/cgroup.procs`);
        if (namespace === "private") {
          // The host's own processes are not to be seen: only those of the container.
          expect(output.split("\n")).not.toContain("1");
          expect(output.split("\n")).toContain(String(child.pid));
        }
        expect(output.includes("made")).toBe(writable);
        expect(output.includes("made\n")).toBe(writable && parent.layout.v1.length === 0);
      });
    },
  );
});

describe("device rules", () => {
  const all: DeviceRule = { type: "a", access: "rwm" };
  const open =
    "head -c 1 /dev/null; head -c 0 /dev/full || exit 7; (: < /dev/kmsg) 2> /dev/null && exit 8; exit 9";

  test.each(["", "cgroup1"])(
    "create() lets the listed devices through and no other, without %p",
    async (without) => {
      if (without === "cgroup1" && !hasDeviceFilters()) return;
      process.env["TARE_WITHOUT"] = without;
      try {
        await withParent(async (parent) => {
          const cgroup = make(parent, {}, defaultDeviceRules);
          const denied = await spawnIn(cgroup, parent.layout, open);
          expect(await ended(denied.child)).toBe("9");
          await cgroup.remove();
          const free = make(parent, {}, [
            ...defaultDeviceRules,
            { type: "c", major: 1, minor: 11, access: "r" },
          ]);
          const allowed = await spawnIn(free, parent.layout, open);
          expect(await ended(allowed.child)).toBe("8");
          await free.remove();
          // A rule for all, also in front of others.
          for (const rules of [[all], [all, ...defaultDeviceRules], [...defaultDeviceRules, all]]) {
            const every = make(parent, {}, rules);
            expect(await ended((await spawnIn(every, parent.layout, open)).child)).toBe("8");
            await every.remove();
          }
        });
      } finally {
        delete process.env["TARE_WITHOUT"];
      }
    },
  );
});
