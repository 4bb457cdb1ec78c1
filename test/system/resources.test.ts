import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

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
      const before = await lines();
      await Bun.sleep(100);
      expect(await lines()).toBe(before);
      expect(await inspect("counting", "{{.State.Status}} {{.State.Paused}} {{.State.Running}}")).toBe(
        "paused true true",
      );
      expect(await tare.must(["ps", "--filter", "status=paused", "--format", "{{.Names}}"])).toBe("counting");
      const id = await inspect("counting", "{{.Id}}");
      expect(await refused("pause", "counting")).toContain(`Container ${id} is already paused`);
      expect(await refused("exec", "counting", "true")).toContain("is paused, unpause the container before");
      expect(await refused("start", "counting")).toContain("try unpause instead");
      expect(await refused("rm", "counting")).toContain("cannot remove a paused container");
      expect(await tare.must(["__complete", "unpause", ""])).toContain("counting");
      expect(await tare.must(["unpause", "counting"])).toBe("counting");
      await Bun.sleep(100);
      expect(await lines()).toBeGreaterThan(before);
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
      const script = "trap 'exit 7' TERM; while :; do usleep 5000; done";
      for (const [verb, code] of [
        [["stop"], "7"],
        [["kill"], "137"],
      ] as const) {
        await start("held", "busybox", "sh", "-c", script);
        await Bun.sleep(50); // until the trap is set
        await tare.must(["pause", "held"]);
        const began = performance.now();
        await tare.must([...verb, "held"]);
        expect(await tare.must(["wait", "held"])).toBe(code);
        expect(performance.now() - began).toBeLessThan(3000);
        await tare.must(["rm", "held"]);
      }
      await start("held", "busybox", "sleep", "1000");
      await tare.must(["pause", "held"]);
      await tare.must(["rm", "-f", "held"]);
    });

    test("outlives the daemon", async () => {
      await start("frozen", "busybox", "sleep", "1000");
      await tare.must(["pause", "frozen"]);
      process.kill(tare.daemonPid() ?? 0, "SIGKILL");
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
      await Bun.sleep(50);
      const pid = await inspect("busy", "{{.State.Pid}}");
      const rows = (await tare.must(["top", "busy"])).split("\n").map((line) => line.split(/ {2,}/));
      expect(rows[0]).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
      expect(rows[1]).toMatchObject({ 0: "daemon", 1: pid, 3: "0", 5: "?", 6: "00:00:00", 7: "sleep 2000" });
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
});
