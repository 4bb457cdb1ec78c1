import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isGone, isRoot, waitUntilEmpty } from "../support/tare.ts";

const hierarchies = (): readonly string[] =>
  ["/sys/fs/cgroup", ...readdirSync("/sys/fs/cgroup").map((name) => join("/sys/fs/cgroup", name))].filter(
    (path) => existsSync(join(path, "cgroup.procs")),
  );

describe.skipIf(!isRoot)("modes of cgroups", () => {
  let tare: Installation;
  const refused = async (...flags: string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(["run", "--rm", "--cgroups", ...flags, "busybox", "true"]);
    expect([flags, status]).toEqual([flags, 125]);
    return stderr;
  };
  const pidOf = async (name: string): Promise<number> =>
    Number(await tare.must(["inspect", "-f", "{{.State.Pid}}", name]));
  const isThere = (pid: number): boolean => !isGone(pid);

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  test("disabled: it has none, and what it runs is found, counted and ended all the same", async () => {
    const nested = "(unshare -p -f sleep 1001 &) 2>/dev/null; sleep 1002 & while :; do :; done";
    await tare.must([
      "run",
      "-d",
      "--name",
      "loose",
      "--cgroups",
      "disabled",
      "--cap-add",
      "SYS_ADMIN",
      "busybox",
      "sh",
      "-c",
      nested,
    ]);
    await tare.must(["exec", "-d", "loose", "sleep", "1003"]);
    expect(await waitUntilEmpty(() => tare.cgroups())).toEqual([]);
    expect(await tare.must(["inspect", "-f", "{{.HostConfig.Tare.Cgroups}}", "loose"])).toBe("disabled");
    const pid = await pidOf("loose");
    const keeper = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toBe(readFileSync(`/proc/${keeper}/cgroup`, "utf8"));
    for (
      let tries = 0;
      tries < 100 && !(await tare.must(["top", "loose", "-o", "pid,args"])).includes("1001");
      tries++
    )
      await sleep(50);
    const top = await tare.must(["top", "loose", "-o", "pid,args"]);
    for (const seconds of ["1001", "1002", "1003"]) expect(top).toContain(`sleep ${seconds}`);
    const pids = top
      .split("\n")
      .slice(1)
      .map((line) => Number(line.trim().split(" ")[0]));
    expect(pids).toContain(pid);
    const [cpu = "", used = "", count = ""] = (
      await tare.must(["stats", "--no-stream", "--format", "{{.CPUPerc}} {{.MemUsage}} {{.PIDs}}", "loose"])
    ).split(/ (?:\/ \S+ )?/);
    expect(Number.parseFloat(cpu)).toBeGreaterThan(0);
    expect(used).not.toStartWith("0B");
    expect(Number(count)).toBeGreaterThanOrEqual(5);
    const paused = await tare.tare(["pause", "loose"]);
    expect([paused.status, paused.stderr]).toEqual([
      1,
      expect.stringContaining("it has no cgroup (--cgroups disabled)"),
    ]);
    const updated = await tare.tare(["update", "--memory", "100m", "--memory-swap", "200m", "loose"]);
    expect([updated.status, updated.stderr]).toEqual([
      1,
      expect.stringContaining('cannot limit container "loose": it has no cgroup'),
    ]);
    await tare.must(["update", "--restart", "no", "loose"]);
    await tare.must(["commit", "loose", "committed"]);
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    expect(await tare.must(["inspect", "-f", "{{.State.Status}}", "loose"])).toBe("running");
    expect(await tare.must(["exec", "loose", "echo", "entered"])).toBe("entered");
    await tare.must(["kill", "loose"]);
    await tare.must(["wait", "loose"]);
    for (let tries = 0; tries < 100 && pids.some(isThere); tries++) await sleep(20);
    expect(pids.filter(isThere)).toEqual([]);
    await tare.must(["start", "loose"]);
    await tare.must(["rm", "-f", "loose"]);
    await tare.must(["rmi", "committed"]);
  });

  test("disabled: a killed keeper takes all of it along", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "lost",
      "--cgroups",
      "disabled",
      "busybox",
      "sh",
      "-c",
      "sleep 1004 & sleep 1005",
    ]);
    const pid = await pidOf("lost");
    process.kill(Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]), "SIGKILL");
    expect(await tare.must(["wait", "lost"])).toBe("137");
    for (let tries = 0; tries < 100 && isThere(pid); tries++) await sleep(20);
    expect(isThere(pid)).toBe(false);
    await tare.must(["rm", "lost"]);
  });

  test("disabled: no device can be made or opened that it was not given", async () => {
    const disk = "mknod /evil b 8 0 && echo made; mknod /null c 1 3 && echo made; echo ended";
    expect((await tare.tare(["create", "--cgroups", "disabled", "busybox"])).stderr).toBe(""); // its capability isn't missed
    const run = (...flags: string[]) => tare.must(["run", "--rm", "--cgroups", "disabled", ...flags]);
    expect(await run("busybox", "sh", "-c", `${disk} 2>/dev/null`)).toBe("ended");
    expect(await run("--cap-add", "ALL", "busybox", "sh", "-c", disk)).toBe("ended");
    // An image, and a volume, that bring one.
    await tare.must([
      "run",
      "--name",
      "maker",
      "-v",
      "nodes:/v",
      "busybox",
      "sh",
      "-c",
      "mknod -m 666 /zero c 1 5; mknod -m 666 /v/zero c 1 5",
    ]);
    await tare.must(["commit", "maker", "with-node"]);
    await tare.must(["rm", "maker"]);
    const read =
      'for f in /zero /v/zero; do head -c 1 $f >/dev/null 2>&1 && echo "$f opened"; done; head -c 1 /dev/zero | wc -c';
    expect(await run("-v", "nodes:/v", "with-node", "sh", "-c", read)).toBe("1");
    expect(
      await run("--device", "/dev/zero:/dev/own", "busybox", "sh", "-c", "head -c 1 /dev/own | wc -c"),
    ).toBe("1");
    expect(await tare.must(["run", "--rm", "-v", "nodes:/v", "with-node", "sh", "-c", read])).toContain(
      "/zero opened",
    );
    await tare.must(["run", "-d", "--name", "entered", "--cgroups", "disabled", "busybox", "sleep", "1000"]);
    expect(await tare.must(["exec", "--privileged", "entered", "sh", "-c", `${disk} 2>/dev/null`])).toBe(
      "ended",
    );
    await tare.must(["rm", "-f", "entered"]);
    await tare.must(["rmi", "with-node"]);
    await tare.must(["volume", "rm", "nodes"]);
  });

  test("disabled: what needs one is refused in a sentence", async () => {
    expect(await refused("disabled", "-m", "64m")).toContain(
      "there can be no limits without a cgroup (cgroups disabled)",
    );
    expect(await refused("disabled", "--pids-limit", "5")).toContain("there can be no limits");
    expect(await refused("disabled", "--cgroup-parent", "/a")).toContain(
      "cgroups disabled and a cgroup parent",
    );
    expect(await refused("disabled", "--pid", "host")).toContain("its processes are found by that");
    expect(await refused("disabled", "--cap-add", "MKNOD")).toContain(
      "nothing would keep it from the host's devices",
    );
    expect(await refused("split", "--cgroup-parent", "/a")).toContain("cgroups split and a cgroup parent");
    expect(await refused("else")).toContain("must be enabled, disabled, no-conmon or split");
  });

  test("split: its cgroup is below the one that the daemon is in, and goes with it", async () => {
    const name = `tare-split-${process.pid}`;
    const roots = hierarchies();
    for (const root of roots) {
      mkdirSync(join(root, name));
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        if (!root.endsWith("cpuset")) continue;
        writeFileSync(join(root, name, file), readFileSync(join(root, file)));
      }
      await tare.must(["ps"]);
      writeFileSync(join(root, name, "cgroup.procs"), String(tare.daemonPid()));
    }
    try {
      await tare.must(["run", "-d", "--name", "below", "--cgroups", "split", "busybox", "sleep", "1000"]);
      const id = await tare.must(["inspect", "-f", "{{.Id}}", "below"]);
      const lines = readFileSync(`/proc/${await pidOf("below")}/cgroup`, "utf8")
        .trim()
        .split("\n");
      for (const line of lines) expect(line).toEndWith(`:/${name}/${id}`);
      process.kill(tare.daemonPid() ?? 0, "SIGKILL");
      expect(await tare.must(["top", "below", "-o", "args"])).toContain("sleep 1000");
      await tare.must(["pause", "below"]);
      await tare.must(["unpause", "below"]);
      await tare.must(["rm", "-f", "below"]);
      await tare.must(["system", "settle"]);
      for (const root of roots) expect(existsSync(join(root, name, id))).toBe(false);
    } finally {
      process.kill(tare.daemonPid() ?? 0, "SIGKILL");
      await sleep(300);
      for (const root of roots) if (existsSync(join(root, name))) rmdirSync(join(root, name));
    }
    await tare.must(["run", "--rm", "--cgroups", "split", "busybox", "true"]);
  });
});
