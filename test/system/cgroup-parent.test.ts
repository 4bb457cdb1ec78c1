import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type CgroupLayout,
  detectCgroups,
  findController,
  hierarchiesOf,
} from "../../src/linux/cgroup/layout.ts";
import { readCgroupPaths } from "../../src/linux/cgroup/paths.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("--cgroup-parent", () => {
  let tare: Installation;
  let layout: CgroupLayout;
  const top = `tare-parent-test-${process.pid}`;

  beforeAll(async () => {
    tare = new Installation();
    layout = detectCgroups();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const start = (name: string, parent: string, ...rest: readonly string[]): Promise<string> =>
    tare.must(["run", "-d", "--name", name, "--cgroup-parent", parent, ...rest]);
  /** The hierarchies in which that path is. */
  const placesOf = (path: string): readonly string[] =>
    hierarchiesOf(layout)
      .map(({ mountPath }) => join(mountPath, path))
      .filter((place) => existsSync(place));
  const remove = async (...names: readonly string[]): Promise<void> => {
    await tare.must(["rm", "-f", ...names]);
    await tare.must(["system", "settle"]);
  };

  test("is below the root of every hierarchy, holds all that is done with the container, and goes with the last of it", async () => {
    const parent = `/${top}/deep`;
    const id = await start("one", parent, "-m", "64m", "busybox", "sleep", "1000");
    expect(placesOf(`${parent}/${id}`).length).toBe(hierarchiesOf(layout).length);
    const pid = Number(await tare.must(["inspect", "-f", "{{.State.Pid}}", "one"]));
    expect(new Set(readCgroupPaths(pid).values())).toContain(`${parent}/${id}`);
    expect(await tare.must(["inspect", "-f", "{{.HostConfig.CgroupParent}} {{.Tare.Cgroup}}", "one"])).toBe(
      `${parent} ${top}/deep/${id}`,
    );
    expect(await tare.must(["exec", "one", "echo", "inside"])).toBe("inside");
    await tare.must(["update", "--pids-limit", "50", "one"]);
    await tare.must(["pause", "one"]);
    await tare.must(["unpause", "one"]);
    expect(await tare.must(["stats", "--no-stream", "--format", "{{.PIDs}}", "one"])).toBe("1");
    expect((await tare.must(["top", "one"])).split("\n").length).toBe(2);
    await start("two", parent, "busybox", "sleep", "1000");
    await remove("one");
    expect(placesOf(`${parent}/${id}`)).toEqual([]);
    expect(placesOf(parent).length).toBe(hierarchiesOf(layout).length);
    expect(await tare.must(["system", "check"])).toContain("in order");
    await remove("two");
    expect(placesOf(`/${top}`)).toEqual([]);
  });

  test("one that was there keeps its limits, and stays", async () => {
    const pids = findController(layout, "pids");
    const mine = hierarchiesOf(layout).map(({ mountPath }) => join(mountPath, top));
    for (const path of mine) mkdirSync(path);
    try {
      if (pids?.version === 2) writeFileSync(join(pids.mountPath, "cgroup.subtree_control"), "+pids");
      writeFileSync(join(pids?.mountPath ?? "", top, "pids.max"), "4");
      const script = "for i in 1 2 3 4 5 6; do sleep 1000 & done; wait";
      await start("held", `/${top}`, "busybox", "sh", "-c", script);
      const full = async (): Promise<string> => await tare.must(["logs", "held"]).catch(() => "");
      for (let tries = 0; ; tries++) {
        const { stderr } = await tare.tare(["logs", "held"]);
        if (/fork/.test(stderr + (await full()))) break;
        expect(tries).toBeLessThan(200);
        await Bun.sleep(20);
      }
      expect(
        Number(readFileSync(join(pids?.mountPath ?? "", top, "pids.current"), "utf8")),
      ).toBeLessThanOrEqual(4);
      await remove("held");
      expect(placesOf(top).length).toBe(mine.length);
    } finally {
      for (const path of mine) rmdirSync(path);
    }
  });

  test("without a slash it is below the engine's own", async () => {
    const id = await start("near", "group/a", "busybox", "sleep", "1000");
    expect(placesOf(`${tare.cgroupParent()}/group/a/${id}`).length).toBe(hierarchiesOf(layout).length);
    expect(await tare.must(["system", "check"])).toContain("in order");
    await remove("near");
    expect(placesOf(`${tare.cgroupParent()}/group`)).toEqual([]);
    // One that ends by itself, and one that can't begin.
    await tare.must(["run", "--rm", "--cgroup-parent", "group/a", "busybox", "true"]);
    await tare.tare(["run", "--rm", "--cgroup-parent", "group/a", "busybox", "no-such-program"]);
    await tare.must(["system", "settle"]);
    expect(placesOf(`${tare.cgroupParent()}/group`)).toEqual([]);
  });

  test("a daemon that is killed finds it again", async () => {
    const parent = `/${top}`;
    const id = await start("kept", parent, "busybox", "sleep", "1000");
    await start("ended", parent, "busybox", "sleep", "1000");
    const daemon = tare.daemonPid() ?? 0;
    process.kill(daemon, "SIGKILL");
    while (!isGone(daemon)) await Bun.sleep(5);
    const pid = await tare.must(["inspect", "-f", "{{.State.Pid}}", "kept"]);
    expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toContain(`${parent}/${id}`);
    await tare.must(["pause", "kept"]);
    expect(await tare.must(["ps", "--filter", "status=paused", "--format", "{{.Names}}"])).toBe("kept");
    await remove("kept", "ended");
    expect(placesOf(parent)).toEqual([]);
  });

  test("what leads elsewhere is refused", async () => {
    const own = tare.cgroupParent();
    const hostile = [
      "/", "..", "/..", "../x", "/a/../b", "/a/..", "a//../b", ".", "/.", ".hidden", "/a/.b", "-a", "/a b", "/a\nb",
      "keepers", `/${own}`, `/${own}/keepers`, "f".repeat(64), `/${own}/${"f".repeat(64)}`,
      `/${"a/".repeat(17)}`, `/${"a".repeat(201)}`,
    ]; // biome-ignore format: a list
    for (const parent of hostile) {
      const { status, stderr } = await tare.tare(["run", "--cgroup-parent", parent, "busybox", "true"]);
      expect([parent, status]).toEqual([parent, 125]);
      expect(stderr).toMatch(/^tare: (?:cannot use cgroup path|invalid cgroup parent)/);
    }
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });
});
