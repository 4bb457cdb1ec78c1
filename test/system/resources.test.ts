import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("resources", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const start = (name: string, ...rest: string[]): Promise<string> =>
    tare.must(["run", "-d", "--name", name, ...rest]);
  const inspect = (name: string, format: string): Promise<string> =>
    tare.must(["inspect", "--format", format, name]);
  const refused = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(args);
    expect(status).not.toBe(0);
    return stderr;
  };
  const count = "i=0; while :; do i=$((i+1)); echo $i; usleep 5000; done";

  describe("pause", () => {
    test("stops every process and unpause lets them go on", async () => {
      await start("counting", "busybox", "sh", "-c", count);
      const lines = async (): Promise<number> => (await tare.must(["logs", "counting"])).split("\n").length;
      expect(await tare.must(["pause", "counting"])).toBe("counting");
      // What was written before is read a moment later.
      const standing = async (): Promise<number | undefined> => {
        const count = await lines();
        await Bun.sleep(100);
        return (await lines()) === count ? count : undefined;
      };
      const before = await poll(standing, { timeoutMs: 10_000, what: "see it write no more" });
      expect(await inspect("counting", "{{.State.Status}} {{.State.Paused}} {{.State.Running}}")).toBe(
        "paused true true",
      );
      expect(await tare.must(["ps", "--filter", "status=paused", "--format", "{{.Names}}"])).toBe("counting");
      const id = await inspect("counting", "{{.Id}}");
      expect(await refused("pause", "counting")).toContain(`Container ${id} is already paused`);
      expect(await refused("exec", "counting", "true")).toContain("is paused, unpause the container before");
      expect(await refused("start", "counting")).toContain("try unpause instead");
      expect(await refused("rm", "counting")).toContain("container is paused and must be unpaused first");
      expect(await tare.must(["__complete", "unpause", ""])).toContain("counting");
      expect(await tare.must(["unpause", "counting"])).toBe("counting");
      await poll(async () => ((await lines()) > before ? true : undefined), {
        timeoutMs: 10_000,
        what: "see it go on",
      });
      expect(await refused("unpause", "counting")).toContain(`Container ${id} is not paused`);
      const events = await tare.must(["events", "--since", "1h", "--until", "0s", "--format", "{{.Action}}"]);
      expect(events.split("\n").slice(-2)).toEqual(["pause", "unpause"]);
      await tare.must(["rm", "-f", "counting"]);
    });

    test("refuses a container that does not run", async () => {
      const id = await tare.must(["create", "--name", "idle", "busybox", "true"]);
      expect(await refused("pause", "idle")).toContain(`container ${id} is not running`);
      expect(await refused("unpause", "idle")).toContain(`Container ${id} is not paused`);
      await tare.must(["rm", "idle"]);
    });

    test("does not keep a container from being stopped, killed or removed", async () => {
      const script = "trap 'exit 7' TERM; echo ready; while :; do usleep 5000; done";
      for (const [verb, code] of [
        [["stop"], "7"],
        [["kill"], "137"],
      ] as const) {
        await start("held", "busybox", "sh", "-c", script);
        await poll(async () => ((await tare.must(["logs", "held"])) === "ready" ? true : undefined), {
          timeoutMs: 10_000,
          what: "see that the trap is set",
        });
        await tare.must(["pause", "held"]);
        const began = performance.now();
        await tare.must([...verb, "held"]);
        expect(await tare.must(["wait", "held"])).toBe(code);
        expect(performance.now() - began).toBeLessThan(9000); // it isn't killed after ten seconds
        await tare.must(["rm", "held"]);
      }
      await start("held", "busybox", "sleep", "1000");
      await tare.must(["pause", "held"]);
      await tare.must(["rm", "-f", "held"]);
    });

    test("outlives the daemon", async () => {
      await start("frozen", "busybox", "sleep", "1000");
      await tare.must(["pause", "frozen"]);
      const daemon = tare.daemonPid() ?? 0;
      process.kill(daemon, "SIGKILL");
      while (!isGone(daemon)) await Bun.sleep(5);
      expect(await inspect("frozen", "{{.State.Status}}")).toBe("paused");
      await tare.must(["unpause", "frozen"]);
      const pid = await inspect("frozen", "{{.State.Pid}}");
      expect(readFileSync(`/proc/${pid}/stat`, "latin1")).toMatch(/\) S /);
      await tare.must(["rm", "-f", "frozen"]);
    });
  });

  describe("top", () => {
    test("shows every process by the host's numbers", async () => {
      await start("busy", "--user", "1", "busybox", "sh", "-c", "sleep 1000 & exec sleep 2000");
      const pid = await inspect("busy", "{{.State.Pid}}");
      await poll(
        async () => (/sleep 2000\n.*sleep 1000$/.test(await tare.must(["top", "busy"])) ? true : undefined),
        {
          timeoutMs: 10_000,
          what: "see both programs",
        },
      );
      const rows = (await tare.must(["top", "busy"])).split("\n").map((line) => line.split(/ {2,}/));
      expect(rows[0]).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
      expect(rows[1]).toMatchObject({ 0: "daemon", 1: pid, 5: "?", 6: "00:00:00", 7: "sleep 2000" });
      expect(rows[1]?.[4]).toMatch(/^\d\d:\d\d$/);
      expect(rows[2]).toMatchObject({ 2: pid, 7: "sleep 1000" });
      expect(rows).toHaveLength(3);
      const own = await tare.must(["top", "busy", "-eo", "pid,comm", "-o", "ppid=FATHER"]);
      expect(own.split("\n")[0]?.split(/ +/)).toEqual(["PID", "COMMAND", "FATHER"]);
      expect(await tare.must(["top", "busy", "aux"])).toMatch(/^USER +PID +%CPU +%MEM +VSZ +RSS +TTY +STAT/);
      expect(await refused("top", "busy", "--forest")).toContain('ps option "--forest" is not supported');
      await tare.must(["rm", "-f", "busy"]);
    });

    test("refuses a container that does not run", async () => {
      const id = await tare.must(["create", "--name", "idle", "busybox", "true"]);
      expect(await refused("top", "idle")).toContain(`container ${id} is not running`);
      await tare.must(["rm", "idle"]);
    });
  });

  describe("update", () => {
    const limits =
      "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpuQuota}}";
    const MiB = 1024 * 1024;

    test("changes what the kernel holds a running container to, up and down", async () => {
      const id = await start("live", "-m", "64m", "--pids-limit", "100", "busybox", "sleep", "1000");
      const held = async (file: string): Promise<string | undefined> => {
        const found = tare.cgroups(id).map((path) => `${path}/${file}`);
        return found.filter((path) => existsSync(path)).map((path) => readFileSync(path, "utf8").trim())[0];
      };
      const memory = async (): Promise<number> =>
        Number((await held("memory.limit_in_bytes")) ?? (await held("memory.max")));
      await tare.must(["update", "-m", "256m", "--memory-swap", "512m", "live"]);
      expect(await memory()).toBe(256 * MiB);
      expect(
        await tare.must(["update", "-m", "32m", "--memory-swap", "40m", "--pids-limit", "-1", "live"]),
      ).toBe("live");
      expect(await memory()).toBe(32 * MiB);
      expect(await held("pids.max")).toBe("max");
      await tare.must(["update", "--cpu-quota", "50000", "--cpu-shares", "512", "live"]);
      expect((await held("cpu.cfs_quota_us")) ?? (await held("cpu.max"))).toStartWith("50000");
      expect(await inspect("live", limits)).toBe(`${32 * MiB} ${40 * MiB} 0 50000`);
      // What contradicts itself or the machine changes nothing.
      expect(await refused("update", "--cpus", "1", "live")).toContain("Nano CPUs cannot be updated");
      expect(await refused("update", "-m", "64m", "live")).toContain("already set memoryswap limit");
      expect(await refused("update", "-m", "1m", "live")).toContain("Minimum memory limit allowed is 6MB");
      expect(await refused("update", "--cpuset-cpus", "4000", "live")).toContain("not available");
      expect(await refused("update", "--restart", "ever", "live")).toContain("unknown policy");
      expect(await refused("update", "live")).toContain("you must provide one or more flags");
      expect(await inspect("live", limits)).toBe(`${32 * MiB} ${40 * MiB} 0 50000`);
      await tare.must(["rm", "-f", "live"]);
    });

    test("lifts the limits of processes and CPU time, and shows that as dockerd does", async () => {
      const id = await start(
        "lifted",
        "--pids-limit",
        "100",
        "--cpu-quota",
        "50000",
        "busybox",
        "sleep",
        "1000",
      );
      const held = (...files: readonly string[]): string | undefined => {
        const found = tare.cgroups(id).flatMap((path) => files.map((file) => `${path}/${file}`));
        return found.filter((path) => existsSync(path)).map((path) => readFileSync(path, "utf8").trim())[0];
      };
      const update = async (body: object, version = "v1.45"): Promise<void> => {
        const { status, text } = await askApi(
          tare.socket,
          "POST",
          `/${version}/containers/lifted/update`,
          body,
        );
        expect([body, status, text]).toEqual([body, 200, expect.stringContaining("Warnings")]);
      };
      const shown = (): Promise<string> =>
        inspect("lifted", "{{json .HostConfig.PidsLimit}} {{.HostConfig.CpuQuota}}");
      await update({ PidsLimit: 0 }, "v1.39"); // sent by older clients whatever they change
      expect([held("pids.max"), await shown()]).toEqual(["100", "100 50000"]);
      for (const unlimited of [0, -1, -5]) {
        await update({ PidsLimit: 70 });
        expect([held("pids.max"), await shown()]).toEqual(["70", "70 50000"]);
        await update({ PidsLimit: unlimited });
        expect([held("pids.max"), await shown()]).toEqual(["max", "0 50000"]);
      }
      await update({ CpuShares: 512 });
      expect(await shown()).toBe("0 50000");
      await update({ CpuQuota: -1 });
      expect(await shown()).toBe("0 -1");
      expect(held("cpu.cfs_quota_us", "cpu.max")).toMatch(/^(?:-1$|max )/);
      // A limit that was lifted is in nobody's way, also at the next start.
      await tare.must(["restart", "-t", "0", "lifted"]);
      expect(held("pids.max")).toBe("max");
      await tare.must(["update", "--cpus", "0.5", "lifted"]);
      expect(held("cpu.cfs_quota_us", "cpu.max")).toStartWith("50000");
      expect(await shown()).toBe("0 -1"); // dockerd shows so, too
      await tare.must(["rm", "-f", "lifted"]);
    });

    test("of a stopped container counts from its next start", async () => {
      await tare.must(["create", "--name", "later", "busybox", "sh", "-c", "exit 0"]);
      // As for dockerd, a first memory limit needs the one with swap.
      expect(await refused("update", "-m", "20m", "later")).toContain("already set memoryswap limit");
      await tare.must(["update", "--pids-limit", "50", "-m", "20m", "--memory-swap", "40m", "later"]);
      expect(await inspect("later", limits)).toBe(`${20 * MiB} ${40 * MiB} 50 0`);
      await tare.must(["rm", "later"]);
    });
  });
});
