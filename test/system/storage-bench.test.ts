import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { StorageBenchReport } from "../../src/cli/format/storage-bench.ts";
import { poll } from "../support/patience.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("storage bench", () => {
  let disk: SmallDisk;
  let tare: Installation;
  const place = (): string => join(tare.dataRoot, "bench");

  beforeAll(() => {
    disk = new SmallDisk("btrfs", { mebibytes: 512 });
    tare = new Installation({ dataRoot: join(disk.path, "data") });
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    disk[Symbol.dispose]();
  });

  /** A run that is under way: drivers have things in its directory. */
  async function begin(): Promise<{ readonly child: ChildProcess; readonly ended: Promise<unknown> }> {
    const argv = ["--data-root", tare.dataRoot, "--run-root", tare.runRoot, "storage", "bench"];
    const child = spawn(executable, [...argv, "--size", "16m"], { stdio: "ignore" });
    const ended = once(child, "exit");
    const isUnderWay = (): true | undefined => {
      if (!existsSync(place())) return undefined;
      const [name = ""] = readdirSync(place());
      return existsSync(join(place(), name, "storage", "btrfs", "snapshots", "container-0")) || undefined;
    };
    await poll(isUnderWay, { everyMs: 1, timeoutMs: 60_000, what: "measure the btrfs driver" });
    return { child, ended };
  }

  const isGone = (): Promise<true> =>
    poll(() => !existsSync(place()) || undefined, {
      everyMs: 10,
      timeoutMs: 60_000,
      what: "remove the directory of the comparison",
    }) as Promise<true>;

  test("--quick measures every driver that works there, and leaves nothing", async () => {
    const report = JSON.parse(
      await tare.must(["storage", "bench", "--quick", "--format", "json"]),
    ) as StorageBenchReport;
    const drivers = report.Drivers.map(({ Driver }) => Driver);
    expect(report.Load.FileSystem).toBe("btrfs");
    expect(drivers).toEqual(expect.arrayContaining(["native", "overlay", "btrfs", "vfs"]));
    expect([...drivers, ...report.Unsupported.map(({ Driver }) => Driver)].sort()).toEqual([
      "aufs",
      "btrfs",
      "devicemapper",
      "erofs",
      "native",
      "overlay",
      "vfs",
    ]);
    for (const { Driver, ContainerMs, StartMs, ContainerSize, ...figures } of report.Drivers) {
      for (const [name, ms] of Object.entries(figures)) expect([name, ms > 0]).toEqual([name, true]);
      expect([Driver, ContainerMs !== undefined]).toEqual([Driver, Driver !== "native"]);
      expect(StartMs ?? 0).toBeLessThanOrEqual(ContainerMs ?? 0);
      // Nobody copies: vfs shares the blocks here.
      if (ContainerSize !== undefined) expect(ContainerSize).toBeLessThan(report.Load.Size / 2);
    }
    expect(existsSync(place())).toBe(false);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  });

  test("ctrl-C ends it and everything of it goes; a second one at once is refused", async () => {
    const { child, ended } = await begin();
    const second = await tare.tare(["storage", "bench", "--quick"]);
    expect([second.status, second.stderr]).toEqual([
      1,
      expect.stringContaining("cannot compare the storage drivers: that is going on already"),
    ]);
    child.kill("SIGINT");
    await ended;
    await isGone();
  });

  test("what a killed daemon leaves of it is removed by the next one", async () => {
    const { ended } = await begin();
    process.kill(tare.daemonPid() as number, "SIGKILL");
    await ended;
    expect(existsSync(place())).toBe(true);
    await tare.must(["ps"]);
    await isGone();
  });

  test("a daemon that is stopped meanwhile ends it first", async () => {
    const { ended } = await begin();
    await tare.must(["daemon", "stop"]);
    await ended;
    // Nobody starts another one meanwhile.
    await isGone();
  });
});
