/** What only a host with cgroup v2 alone shows; run in a virtual machine (scripts/vm.mjs). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { detectCgroups } from "../../src/linux/cgroup/layout.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation } from "../support/tare.ts";

const root = "/sys/fs/cgroup";

describe("cgroup v2 alone", () => {
  let tare: Installation;
  const unit = join(root, "test-unit.service");

  beforeAll(async () => {
    mkdirSync(unit);
    tare = new Installation();
    // The daemon lives in a unit of its own, as on a host with systemd.
    inUnit(unit, [executable, ...tare.globalFlags, "load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    rmdirSync(unit);
  });

  const cgroupOf = (pid: number | string): string => readFileSync(`/proc/${pid}/cgroup`, "latin1").trim();

  test("this is such a host", () => {
    expect(detectCgroups()).toMatchObject({ v1: [], v2: { mountPath: root } });
    expect(detectCgroups().v2?.controllers).toEqual(expect.arrayContaining(["cpu", "memory", "pids", "io"]));
  });

  test("the daemon stays in its unit; container, exec and keepers are outside of it, and outlive its end", async () => {
    expect(cgroupOf(tare.daemonPid() as number)).toBe("0::/test-unit.service");
    await tare.must(["run", "-d", "--name", "outside", "busybox", "sleep", "1000"]);
    const [pid, id] = (await tare.must(["inspect", "-f", "{{.State.Pid}} {{.Id}}", "outside"])).split(" ");
    expect(cgroupOf(pid as string)).toBe(`0::/${tare.cgroupParent()}/${id}`);
    for (const keeper of tare.keeperPids())
      expect(cgroupOf(keeper)).toBe(`0::/${tare.cgroupParent()}/keepers`);
    expect(await tare.must(["exec", "outside", "cat", "/proc/self/cgroup"])).toBe("0::/");
    writeFileSync(join(unit, "cgroup.kill"), "1"); // what systemd does to a unit at last
    expect(await tare.must(["exec", "outside", "echo", "still there"])).toBe("still there");
    await tare.must(["rm", "-f", "outside"]);
  });

  test("limits are read back in the container, and hold", async () => {
    const files = "memory.max pids.max cpu.max cpu.weight";
    const limits = "--memory 64m --pids-limit 40 --cpus 0.5 --cpu-shares 2048".split(" ");
    const script = `cd /sys/fs/cgroup && cat ${files}`;
    const text = await tare.must(["run", "--rm", ...limits, "busybox", "sh", "-c", script]);
    expect(text.split("\n")).toEqual([String(64 << 20), "40", "50000 100000", "79"]);
    const args = ["--name", "greedy", "--memory", "16m", "busybox", "sh", "-c", "tail /dev/zero"];
    expect((await tare.tare(["run", ...args])).status).toBe(137);
    expect(await tare.must(["inspect", "-f", "{{.State.OOMKilled}}", "greedy"])).toBe("true");
    await tare.must(["rm", "greedy"]);
  });

  test("pause stops everything in it, and what is paused can be removed", async () => {
    await tare.must(["run", "-d", "--name", "paused", "busybox", "sh", "-c", "sleep 1000 & exec sleep 1000"]);
    await tare.must(["pause", "paused"]);
    const id = await tare.must(["inspect", "-f", "{{.Id}}", "paused"]);
    const events = readFileSync(join(root, tare.cgroupParent(), id, "cgroup.events"), "utf8");
    expect(events).toContain("frozen 1");
    expect((await tare.tare(["exec", "paused", "true"])).stderr).toContain("paused");
    await tare.must(["rm", "-f", "paused"]);
  });

  test("where processes live in the topmost cgroup that it sees, it says what to do", async () => {
    const nested = join(root, "nested");
    const roots = join(tare.directory, "nested");
    mkdirSync(nested);
    try {
      const script = `mount -t cgroup2 none ${root} && ${executable} --data-root ${roots}/data --run-root ${roots}/run ps; cat ${roots}/run/daemon.log`;
      const { stdout, stderr } = inUnit(nested, ["unshare", "--cgroup", "--mount", "sh", "-c", script]);
      expect(`${stdout}${stderr}`).toMatch(
        /cannot enable the \w+ controller: .*: (?:EBUSY|EOPNOTSUPP) \(processes live in the cgroup itself: move them to one below it\)/,
      );
    } finally {
      writeFileSync(join(nested, "cgroup.kill"), "1");
      await poll(() => (spawnSync("rmdir", [nested]).status === 0 ? true : undefined), {
        everyMs: 50,
        timeoutMs: 30_000,
        what: "remove the cgroup",
      });
    }
  });
});

/** Runs a command that begins in this cgroup. */
function inUnit(cgroup: string, command: readonly string[]): Ran {
  return run(["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', cgroup, ...command]);
}

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run([program = "", ...args]: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  return { status, stdout, stderr };
}
