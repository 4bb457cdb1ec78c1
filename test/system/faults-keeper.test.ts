import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultPoint } from "../../src/base/fault.ts";
import { findProcessStatistics } from "../../src/linux/process/process.ts";
import { connectTo } from "../../src/library/connected-engine.ts";
import { expectNothingLeft, killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { type Finished, Installation, isRoot } from "../support/tare.ts";

const points: readonly FaultPoint[] = ["launch.spawned", "launch.planned", "launch.born", "launch.ready"];

describe.skipIf(!isRoot)("while the engine waits at a step of a start", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const script = "test -e /ran || { touch /ran; exit 7; }; exec sleep 1000";
    await tare.must(["run", "-d", "--name", "one", "busybox", "sh", "-c", script]);
    await tare.must(["wait", "one"]); // it has been run once, so the barrier before the program is in its plan
    await tare.must(["run", "-d", "--name", "host", "busybox", "sleep", "1000"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  function childrenOf(pid: number): readonly number[] {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
  }

  /** A daemon that stops at the point, what it was told to start, and the keepers that are new. */
  async function stopAt(
    point: FaultPoint,
    args: readonly string[],
  ): Promise<{ asked: Promise<Finished>; daemon: number; keeper: number }> {
    await tare.must(["ps"]);
    const known = new Set(tare.keeperPids());
    killDaemon(tare);
    const asked = tare.tare(args, { env: { TARE_FAULT: `${point}:1:STOP` } });
    const daemon = await poll(
      () => {
        const pid = Number(readFileSync(join(tare.dataRoot, "lock"), "latin1"));
        return findProcessStatistics(pid)?.state === "T" ? pid : undefined;
      },
      { timeoutMs: 10_000, what: `see the daemon stop at ${point}` },
    );
    // The daemon does not wait until its child is a keeper's program: that takes a moment on a busy machine.
    const keeper = await poll(() => tare.keeperPids().find((pid) => !known.has(pid)), {
      timeoutMs: 10_000,
      what: `see the keeper at ${point}`,
    }).catch((thrown: unknown) => {
      process.kill(daemon, "SIGCONT"); // or all later tests wait for it
      throw thrown;
    });
    return { asked, daemon, keeper };
  }

  /** One sentence, and all as it was. */
  async function expectFailed({ status, stderr }: Finished, wanted: number): Promise<void> {
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/^(tare: )?cannot (start|execute)/);
    expect(status).toBe(wanted);
    await using engine = await connectTo(`unix://${tare.socket}`);
    await expectNothingLeft({ tare, engine });
  }

  test.each(points)("%s: a killed keeper is a failed start", async (point) => {
    const { asked, daemon, keeper } = await stopAt(point, ["start", "one"]);
    process.kill(keeper, "SIGKILL");
    process.kill(daemon, "SIGCONT");
    await expectFailed(await asked, 1);
    expect(await tare.must(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "one"])).toBe(
      "exited 125",
    );
    await tare.must(["start", "one"]);
    await tare.must(["kill", "one"]);
  });

  test.each(points.slice(2))(
    "%s: a killed child is a failed start, or has started and been killed",
    async (point) => {
      const { asked, daemon, keeper } = await stopAt(point, ["start", "one"]);
      for (const child of childrenOf(keeper)) process.kill(child, "SIGKILL");
      process.kill(daemon, "SIGCONT");
      const finished = await asked;
      if (finished.status !== 0) await expectFailed(finished, 1);
      expect(await tare.must(["wait", "one"])).toMatch(/^(125|137)$/);
      await tare.must(["start", "one"]);
      await tare.must(["kill", "one"]);
    },
  );

  test.each(points)("%s: a killed keeper is a failed exec", async (point) => {
    const { asked, daemon, keeper } = await stopAt(point, ["exec", "host", "sleep", "1000"]);
    process.kill(keeper, "SIGKILL");
    process.kill(daemon, "SIGCONT");
    await expectFailed(await asked, 126);
    expect(await tare.must(["exec", "host", "echo", "well"])).toBe("well");
    expect((await tare.must(["top", "host"])).match(/sleep 1000/g)).toHaveLength(1);
  });
});
