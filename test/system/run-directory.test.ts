import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("the directory of a container's runs", () => {
  test("is made ahead for the next container that starts, and stays the same for its next runs", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const spares = join(tare.runRoot, "lib/spare-runs");
    const directoryOf = (id: string): string => join(tare.runRoot, "containers", id);
    const inodeOf = (path: string): number => statSync(path).ino;
    const spare = (): Promise<string> =>
      poll(() => readdirSync(spares)[0], {
        everyMs: 5,
        timeoutMs: 10_000 * slowness,
        what: "see a directory made ahead",
      });
    const create = (): Promise<string> => tare.must(["create", "busybox", "sh", "-c", "exit 3"]);
    const first = await create();
    expect((await tare.tare(["start", "-a", first])).status).toBe(3);
    const made = inodeOf(join(spares, await spare()));
    const second = await create();
    expect(existsSync(directoryOf(second))).toBe(false);
    for (let run = 0; run < 2; run++) {
      expect((await tare.tare(["start", "-a", second])).status).toBe(3);
      expect(inodeOf(directoryOf(second))).toBe(made);
      expect(statSync(directoryOf(second)).mode & 0o7777).toBe(0o700);
      expect(readdirSync(directoryOf(second))).toContain("exit");
    }
    const left = await spare();
    const daemon = tare.daemonPid() as number;
    process.kill(daemon, "SIGKILL");
    while (!isGone(daemon)) await Bun.sleep(5);
    expect(readdirSync(spares)).toEqual([left]);
    await tare.must(["ps"]);
    expect(readdirSync(spares)).toEqual([]);
    expect((await tare.tare(["start", "-a", second])).status).toBe(3);
    await tare.must(["rm", first, second]);
  });
});
