import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { openEngine } from "../../src/library/open-engine.ts";
import { busyboxArchive } from "../support/images.ts";
import { slowness } from "../support/patience.ts";
import { Scratch } from "../support/scratch.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("an engine that prewarms nothing", () => {
  const tare = new Installation();
  beforeAll(async () => {
    await tare.must(["load", "-i", busyboxArchive()], { env: { TARE_PREWARM: "0" } });
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  /** What would be prewarmed by now, below these roots. */
  async function listPrewarmed(roots: {
    readonly dataRoot: string;
    readonly runRoot: string;
  }): Promise<readonly string[]> {
    await sleep(300 * slowness);
    return [
      join(roots.dataRoot, "prewarmed"),
      join(roots.dataRoot, "storage/overlay/prewarmed"),
      join(roots.runRoot, "lib/prewarmed-runs"),
      join(roots.runRoot, "lib/prewarmed-keeper"),
    ].flatMap((path) => (existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : []));
  }

  test("has the whole life cycle of a container", async () => {
    expect(await tare.must(["run", "--rm", "busybox", "echo", "first"])).toBe("first");
    expect(await tare.must(["run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net"])).toBe(
      "lo",
    );
    const id = await tare.must(["create", "--name", "web", "-p", "80", "busybox", "sleep", "1000"]);
    await tare.must(["start", "web"]);
    expect(await tare.must(["exec", "web", "cat", "/proc/1/cmdline"])).toContain("sleep");
    expect(await tare.must(["exec", "web", "ip", "-4", "-o", "addr", "show", "eth0"])).toContain("inet");
    await tare.must(["restart", "-t", "0", "web"]);
    await tare.must(["stop", "-t", "0", "web"]);
    expect(await tare.must(["start", "web"])).toBe("web");
    expect(await tare.must(["ps", "-q", "--no-trunc"])).toBe(id);
    expect(await listPrewarmed(tare)).toEqual([]);
    const keepers = tare.keeperPids();
    expect(keepers).toHaveLength(1); // that of the container alone
    await tare.must(["rm", "-f", "web"]);
    await tare.must(["system", "settle"]);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  });

  test("is one with the option of the library, too", async () => {
    using scratch = new Scratch("prewarm-off");
    const roots = { dataRoot: scratch.join("data"), runRoot: scratch.join("run") };
    for (const prewarm of [false, true]) {
      await using engine = await openEngine({ ...roots, prewarm });
      const { id } = await engine.containers.create({ image: "hello" });
      await engine.containers.start(id);
      expect((await engine.containers.wait(id)).code).toBe(0);
      await engine.containers.remove(id);
      expect((await listPrewarmed(roots)).length > 0).toBe(prewarm);
    }
  });
});
