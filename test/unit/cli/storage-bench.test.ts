import { describe, expect, test } from "bun:test";
import type { StorageBenchMessage } from "../../../src/api/types/storage-bench.ts";
import { drawBenchBars } from "../../../src/cli/format/storage-bench.ts";
import { runCommandLine } from "./command-line.ts";

const Load = {
  Size: 8 * 1024 * 1024,
  LargeFileSize: 4 * 1024 * 1024,
  SmallFiles: 512,
  Containers: 2,
  FileSystem: "extfs",
};
const native = {
  Driver: "native",
  ApplyMs: 100,
  FirstWriteMs: 0.0512,
  ReadMs: 2,
  WalkMs: 3,
  RemovalMs: 1500,
};
const overlay = {
  ...native,
  Driver: "overlay",
  ApplyMs: 50,
  ContainerMs: 0.5,
  StartMs: 0.4,
  ContainerSize: 4096,
};
const Unsupported = { Driver: "btrfs", Reason: "cannot use the btrfs driver here: it is on extfs" };
const messages: readonly StorageBenchMessage[] = [
  { Load },
  { Step: { Driver: "native", Step: "apply" } },
  { Figures: native },
  { Unsupported },
  { Figures: overlay },
];

describe("storage bench", () => {
  const asked: unknown[] = [];
  const run = (
    argv: readonly string[],
    told: readonly StorageBenchMessage[] = messages,
  ): ReturnType<typeof runCommandLine> => {
    async function* benchStorage(options: unknown): AsyncGenerator<StorageBenchMessage> {
      asked.push(options);
      yield* told;
    }
    return runCommandLine(["storage", "bench", ...argv], { client: { system: { benchStorage } } });
  };

  test("prints the load, a table, what can't be used and why, and bars", async () => {
    const { out, err, status } = await run(["--quick", "--size", "2m", "--containers", "4"]);
    expect([status, err]).toEqual([0, ""]);
    expect(asked.at(-1)).toMatchObject({ quick: true, sizeBytes: 2 * 1024 * 1024, containers: 4 });
    const lines = out.split("\n").map((line) => line.trimEnd().replaceAll(/ {2,}/g, "|"));
    expect(lines.slice(0, 7)).toEqual([
      "A layer of 8MiB (one file of 4MiB, 512 small ones) on extfs, 2 containers; native: plain files.",
      "",
      "DRIVER|APPLY|CONTAINER|START|FIRST WRITE|READ|WALK|REMOVAL|DISK",
      "native|100ms|-|-|0.0512ms|2ms|3ms|1.5s|-",
      "overlay|50ms|0.5ms|0.4ms|0.0512ms|2ms|3ms|1.5s|4.1kB",
      "",
      "btrfs: cannot use the btrfs driver here: it is on extfs",
    ]);
    expect(out).toContain(
      `Apply the layer\n  native  ${"#".repeat(58)} 100ms\n  overlay ${"#".repeat(29)} 50ms\n`,
    );
  });

  test("--format gives the figures as JSON, or the rows by a template", async () => {
    expect(JSON.parse((await run(["--format", "json"])).out)).toEqual({
      Load,
      Drivers: [native, overlay],
      Unsupported: [Unsupported],
    });
    expect((await run(["--format", "{{.Driver}} {{.Apply}}"])).out).toBe("native 100ms\noverlay 50ms\n");
    const before = asked.length;
    expect((await run(["--format", "{{.Driver"])).status).not.toBe(0);
    expect(asked).toHaveLength(before);
  });

  test("a failure on the way is said, and so is a daemon that ended", async () => {
    const failed = await run([], [...messages.slice(0, 3), { error: "cannot write: the disk is full" }]);
    expect([failed.status, failed.out]).toEqual([1, ""]);
    expect(failed.err).toContain("cannot write: the disk is full");
    expect((await run([], [])).err).toContain("the daemon has ended");
  });

  test("drawBenchBars() draws in eighths of a column on a terminal", () => {
    const report = { Load, Drivers: [native, { ...overlay, ApplyMs: 11 }], Unsupported: [] };
    const bars = drawBenchBars(report, { columns: 32, isPlain: false });
    expect(bars).toContain(`  native  ${"█".repeat(10)} 100ms\n  overlay █▏ 11ms\n`);
  });
});
