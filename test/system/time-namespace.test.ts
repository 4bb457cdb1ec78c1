import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

const day = 86_400;
const hostUptime = (): number => Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);

describe.skipIf(!isRoot)("the time namespace", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("--time-offset shifts each clock by its own offset, for the command and for what is executed later", async () => {
    const offset = "monotonic=24h,boottime=240h";
    await tare.must(["run", "-d", "--name", "shifted", "--time-offset", offset, "busybox", "sleep", "1000"]);
    const offsets = "monotonic       86400         0\nboottime       864000         0";
    expect(await tare.must(["exec", "shifted", "cat", "/proc/self/timens_offsets"])).toBe(offsets);
    const before = hostUptime();
    const uptime = Number((await tare.must(["exec", "shifted", "cut", "-d ", "-f1", "/proc/uptime"])).trim());
    expect(uptime).toBeGreaterThanOrEqual(before + 10 * day - 1);
    expect(uptime).toBeLessThanOrEqual(hostUptime() + 10 * day + 1);
    expect(await tare.must(["inspect", "-f", "{{.HostConfig.Tare.TimeOffset}}", "shifted"])).toBe(offset);
  });

  test("the timing of a start is the engine's, not the shifted clock's", async () => {
    const format = "{{range .Tare.Timing.Phases}}{{.Ms}} {{end}}{{.Tare.Timing.TotalMs}}";
    const all = (await tare.must(["inspect", "-f", format, "shifted"])).split(" ").map(Number);
    expect(all.filter((ms) => !(ms >= 0 && ms < day * 1000))).toEqual([]);
  });

  test("tare namespaces shows it as its own; a container without an offset shares the host's", async () => {
    await tare.must(["run", "-d", "--name", "plain", "busybox", "sleep", "1000"]);
    const rows = (await tare.must(["namespaces", "--format", "{{.Name}} {{.time}}"])).split("\n");
    const host = readlinkSync("/proc/self/ns/time").replace(/\D/g, "");
    expect(rows).toContain(`plain ${host}=host`);
    expect(rows.find((row) => row.startsWith("shifted"))).toMatch(/^shifted \d+$/);
    expect(rows).not.toContain(`shifted ${host}`);
  });

  test("a restart of the container and a new daemon keep the clocks", async () => {
    const daemon = tare.daemonPid();
    process.kill(daemon as number, "SIGKILL");
    while (!isGone(daemon as number)) await Bun.sleep(5);
    await tare.must(["restart", "-t", "0", "shifted"]);
    expect(await tare.must(["exec", "shifted", "grep", "-cw", "86400", "/proc/1/timens_offsets"])).toBe("1");
    await tare.must(["rm", "-f", "shifted", "plain"]);
  });

  test("an offset that cannot be is refused in a sentence, and leaves nothing", async () => {
    const refused = await tare.tare(["run", "--name", "odd", "--time-offset", "1", "busybox", "true"]);
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain('invalid time offset "1": "1" is no duration, as 90s or -1h30m');
    const negative = await tare.tare(["run", "--rm", "--time-offset", "-900000h", "busybox", "true"]);
    expect(negative.status).not.toBe(0);
    expect(negative.stderr).toContain("ERANGE: the clock would be negative");
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });
});
