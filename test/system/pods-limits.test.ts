import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Pod } from "../../src/api/types/pod.ts";
import { detectCgroups, findController } from "../../src/linux/cgroup/layout.ts";
import { pathIn, readCgroupPaths } from "../../src/linux/cgroup/paths.ts";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const sleeper = ["busybox", "sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"];

describe.skipIf(!isRoot)("limits of pods", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const refused = async (...args: string[]): Promise<string> => await tare.refused(args);
  /** Of its first process, in the hierarchy that has the memory. */
  const pathOf = async (container: string): Promise<string> => {
    const hierarchy = findController(detectCgroups(), "memory");
    if (hierarchy === undefined) throw new Error("this host has no controller for memory");
    const pid = await tare.must(["inspect", "-f", "{{.State.Pid}}", container]);
    return join(hierarchy.mountPath, pathIn(readCgroupPaths(Number(pid)), hierarchy));
  };

  test("limits of a pod hold for all of its containers together", async () => {
    const id = await tare.must([
      "pod",
      "create",
      "--memory",
      "64m",
      "--cpus",
      "0.5",
      "--cpuset-cpus",
      "0",
      "--cpu-shares",
      "512",
      "small",
    ]);
    const [pod] = JSON.parse(await tare.must(["pod", "inspect", "small"])) as [Pod];
    expect(pod.Limits).toEqual({
      Memory: 64 * 1024 * 1024,
      NanoCpus: 500_000_000,
      CpusetCpus: "0",
      CpuShares: 512,
    });
    for (const name of ["one", "two"])
      await tare.must(["run", "-d", "--pod", "small", "--name", name, ...sleeper]);
    const layout = detectCgroups();
    /** What the cgroup above a container's own says; the files are called otherwise on v1 and v2. */
    const above = async (
      container: string,
      controller: string,
      files: readonly string[],
    ): Promise<string> => {
      const hierarchy = findController(layout, controller);
      if (hierarchy === undefined) throw new Error(`this host has no controller ${controller}`);
      const pid = await tare.must(["inspect", "-f", "{{.State.Pid}}", container]);
      const path = pathIn(readCgroupPaths(Number(pid)), hierarchy);
      expect(basename(dirname(path))).toBe(`pod-${id}`);
      const file = files.map((name) => join(hierarchy.mountPath, dirname(path), name)).find(existsSync);
      return readFileSync(file ?? "", "latin1").trim();
    };
    const isKept = async (): Promise<void> => {
      for (const name of ["one", "two", `${id.slice(0, 12)}-infra`]) {
        expect(await above(name, "memory", ["memory.max", "memory.limit_in_bytes"])).toBe("67108864");
        expect(await above(name, "cpu", ["cpu.max", "cpu.cfs_quota_us"])).toMatch(/^50000( 100000)?$/);
        expect(await above(name, "cpuset", ["cpuset.cpus"])).toBe("0");
      }
    };
    await isKept();
    // It has no limit of its own.
    const greedy = ["busybox", "sh", "-c", "head -c 200000000 /dev/zero | tail"];
    const { status } = await tare.tare(["run", "--name", "greedy", "--pod", "small", ...greedy]);
    expect(status).not.toBe(0);
    expect(await tare.must(["inspect", "-f", "{{.State.OOMKilled}} {{.HostConfig.Memory}}", "greedy"])).toBe(
      "true 0",
    );
    await tare.must(["rm", "greedy"]);
    expect(
      await refused("run", "--pod", "small", "--cgroup-parent", "/elsewhere", "busybox", "true"),
    ).toContain('pod "small" has limits, which are kept by a cgroup of its own: no other one can be chosen');
    expect(await refused("run", "--pod", "small", "--cgroups", "disabled", "busybox", "true")).toContain(
      "no other one can be chosen",
    );
    for (const path of [`pod-${id}`, `/${basename(dirname(dirname(await pathOf("one"))))}/pod-${id}`])
      expect(await refused("run", "--cgroup-parent", path, "busybox", "true")).toContain(
        "it is the engine's own",
      );
    killDaemon(tare);
    await tare.must(["pod", "restart", "-t", "0", "small"]);
    await isKept();
    await tare.must(["system", "check"]);
    const place = dirname(await pathOf("one"));
    expect(existsSync(place)).toBe(true);
    await tare.must(["pod", "rm", "-f", "small"]);
    await tare.must(["system", "settle"]);
    expect(existsSync(place)).toBe(false);
    for (const [flags, words] of [
      [["--memory", "1m"], "Minimum memory limit allowed is 6MB"],
      [["--cpus", "1000"], "range of CPUs is from 0.01 to"],
      [["--cpuset-cpus", "1000"], "1000"],
      [["--blkio-weight", "5"], "10"],
      [["--memory", "much"], "much"],
      [["--device-read-bps", "/dev/nowhere:1m"], "/dev/nowhere"],
    ] as const) {
      expect([flags, await refused("pod", "create", ...flags, "wrong")]).toEqual([
        flags,
        expect.stringContaining(words),
      ]);
    }
    expect(await refused("pod", "inspect", "wrong")).toContain('cannot find pod "wrong"');
  }, 120_000);

  test("pods without limits have no cgroup, and their containers choose theirs", async () => {
    const id = await tare.must(["pod", "create", "free"]);
    await tare.must(["run", "-d", "--name", "anywhere", "--pod", "free", ...sleeper]);
    expect(await pathOf("anywhere")).not.toContain(`pod-${id}`);
    const [pod] = JSON.parse(await tare.must(["pod", "inspect", "free"])) as [Pod];
    expect(pod.Limits).toEqual({});
    await tare.must(["pod", "rm", "-f", "free"]);
  });
});
