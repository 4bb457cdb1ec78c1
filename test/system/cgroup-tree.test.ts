import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CgroupLayout, detectCgroups, hierarchiesOf } from "../../src/linux/cgroup/layout.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

const spawner = "while :; do sleep 1000 & usleep 50000; done";

describe.skipIf(!isRoot)("a container with cgroups below its own", () => {
  let tare: Installation;
  let layout: CgroupLayout;

  beforeAll(async () => {
    tare = new Installation();
    layout = detectCgroups();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  /** Starts it and moves its first process three levels down in every hierarchy, as an init with cgroups would. */
  async function startBelow(name: string): Promise<{ readonly id: string; readonly pid: number }> {
    const id = await tare.must(["run", "-d", "--name", name, "busybox", "sh", "-c", spawner]);
    const pid = Number(await tare.must(["inspect", "-f", "{{.State.Pid}}", name]));
    for (const { mountPath } of hierarchiesOf(layout)) {
      let path = join(mountPath, tare.cgroupParent(), id);
      for (const level of ["system.slice", "a.service", "deep"]) {
        const above = path;
        path = join(path, level);
        mkdirSync(path);
        for (const file of ["cpuset.cpus", "cpuset.mems"]) {
          const from = join(above, file);
          if (!existsSync(from)) continue;
          const value = readFileSync(from, "utf8").trim();
          if (value !== "") writeFileSync(join(path, file), value); // v1 gives a new one none
        }
      }
      writeFileSync(join(path, "cgroup.procs"), String(pid));
    }
    return { id, pid };
  }

  const children = async (name: string): Promise<number> =>
    (await tare.must(["top", name])).split("\n").length - 1;
  const grows = async (name: string): Promise<boolean> => {
    const before = await children(name);
    await Bun.sleep(200);
    return (await children(name)) > before;
  };
  const cgroupsOf = (id: string): readonly string[] =>
    hierarchiesOf(layout)
      .map(({ mountPath }) => join(mountPath, tare.cgroupParent(), id))
      .filter((path) => existsSync(path));

  test("is paused and goes on as a whole", async () => {
    await startBelow("tree");
    for (let tries = 0; !(await grows("tree")); tries++) expect(tries).toBeLessThan(50);
    await tare.must(["pause", "tree"]);
    expect(await grows("tree")).toBe(false);
    await tare.must(["unpause", "tree"]);
    for (let tries = 0; !(await grows("tree")); tries++) expect(tries).toBeLessThan(50);
    await tare.must(["rm", "-f", "tree"]);
  });

  test("is killed and removed as a whole, paused or not", async () => {
    for (const paused of [false, true]) {
      const { id, pid } = await startBelow("tree");
      for (let tries = 0; (await children("tree")) < 3; tries++) {
        expect(tries).toBeLessThan(100);
        await Bun.sleep(20);
      }
      if (paused) await tare.must(["pause", "tree"]);
      await tare.must(["kill", "tree"]);
      await tare.must(["wait", "tree"]);
      await tare.must(["system", "settle"]);
      expect([isGone(pid), cgroupsOf(id)]).toEqual([true, []]);
      await tare.must(["rm", "tree"]);
    }
  });

  test("is killed with its keeper, and a daemon that was away removes all of it", async () => {
    const { id, pid } = await startBelow("tree");
    const daemon = tare.daemonPid() ?? 0;
    process.kill(daemon, "SIGKILL");
    while (!isGone(daemon)) await Bun.sleep(5);
    for (const keeper of tare.keeperPids()) process.kill(keeper, "SIGKILL");
    expect(await tare.must(["wait", "tree"])).toBe("137");
    await tare.must(["system", "settle"]);
    expect([isGone(pid), cgroupsOf(id)]).toEqual([true, []]);
    await tare.must(["rm", "tree"]);
  });

  test("is removed with hundreds of empty ones", async () => {
    const { id } = await startBelow("many");
    for (const path of cgroupsOf(id)) {
      for (let width = 0; width < 30; width++) mkdirSync(join(path, `w${width}/x/y`), { recursive: true });
    }
    await tare.must(["rm", "-f", "many"]);
    await tare.must(["system", "settle"]);
    expect(cgroupsOf(id)).toEqual([]);
    expect(await tare.must(["system", "check"])).toContain("in order");
  });

  test("takes an exec beside its first process, where its own cgroup takes none", async () => {
    const { id, pid } = await startBelow("joined");
    const v2 = layout.v2;
    if (v2 !== undefined) {
      const own = join(v2.mountPath, tare.cgroupParent(), id);
      const [controller] = readFileSync(join(own, "cgroup.controllers"), "utf8").trim().split(" ");
      // What already runs has to leave before v2 lets those below have controllers.
      for (const left of readFileSync(join(own, "cgroup.procs"), "utf8").trim().split("\n")) {
        if (left !== "") writeFileSync(join(own, "system.slice/a.service/deep/cgroup.procs"), left);
      }
      if (controller !== undefined && controller !== "") {
        writeFileSync(join(own, "cgroup.subtree_control"), `+${controller}`);
      }
    }
    expect(await tare.must(["exec", "joined", "echo", "inside"])).toBe("inside");
    expect(isGone(pid)).toBe(false);
    await tare.must(["rm", "-f", "joined"]);
  });
});
