import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isGone, isRoot, waitUntilEmpty } from "../support/tare.ts";

/** As many as one container may have open: MOST_OPEN in src/engine/containers/exec/exec-sessions.ts. */
const mostExecs = 512;

describe.skipIf(!isRoot)("the directory of a container's runs", () => {
  test("is prewarmed for the next container that starts, and stays the same for its next runs", async () => {
    await using tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    const parent = join(tare.runRoot, "lib/prewarmed-runs");
    const directoryOf = (id: string): string => join(tare.runRoot, "containers", id);
    const inodeOf = (path: string): number => statSync(path).ino;
    const prewarmed = (): Promise<string> =>
      poll(() => readdirSync(parent)[0], {
        everyMs: 5,
        timeoutMs: 10_000 * slowness,
        what: "see a prewarmed directory",
      });
    const create = (): Promise<string> => tare.must(["create", "busybox", "sh", "-c", "exit 3"]);
    const first = await create();
    expect((await tare.tare(["start", "-a", first])).status).toBe(3);
    const made = inodeOf(join(parent, await prewarmed()));
    const second = await create();
    expect(existsSync(directoryOf(second))).toBe(false);
    for (let run = 0; run < 2; run++) {
      expect((await tare.tare(["start", "-a", second])).status).toBe(3);
      expect(inodeOf(directoryOf(second))).toBe(made);
      expect(statSync(directoryOf(second)).mode & 0o7777).toBe(0o700);
      expect(readdirSync(directoryOf(second))).toContain("exit");
    }
    const left = await prewarmed();
    const daemon = tare.daemonPid() as number;
    process.kill(daemon, "SIGKILL");
    while (!isGone(daemon)) await Bun.sleep(5);
    expect(readdirSync(parent)).toEqual([left]);
    await tare.must(["ps"]);
    expect(readdirSync(parent)).toEqual([]);
    expect((await tare.tare(["start", "-a", second])).status).toBe(3);
    await tare.must(["rm", first, second]);
  });

  test(
    "is gone after rm -f of a container in which 512 execs run, and so are cgroup and keepers",
    async () => {
      await using tare = new Installation();
      await tare.must(["load", "-i", busyboxArchive()]);
      const startExecs = async (id: string, count: number): Promise<readonly number[]> => {
        const statuses: number[] = [];
        let next = 0;
        const work = async (): Promise<void> => {
          while (next++ < count) {
            const made = await askApi(tare.socket, "POST", `/containers/${id}/exec`, {
              Cmd: ["sleep", "1000"],
            });
            if (made.status !== 201) return;
            const { Id } = JSON.parse(made.text) as { readonly Id: string };
            const start = await askApi(tare.socket, "POST", `/exec/${Id}/start`, { Detach: true });
            statuses.push(start.status);
          }
        };
        await Promise.all(Array.from({ length: 4 }, work));
        return statuses;
      };
      const expectGone = async (id: string): Promise<void> => {
        await tare.must(["system", "settle"]);
        expect(existsSync(join(tare.runRoot, "containers", id))).toBe(false);
        expect(existsSync(join(tare.dataRoot, "containers", id))).toBe(false);
        expect(tare.cgroups(id)).toEqual([]);
        expect(await waitUntilEmpty(() => tare.keeperPids().map(String))).toEqual([]);
        expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
      };
      const full = await tare.must(["run", "-d", "busybox", "sleep", "1000"]);
      const statuses = await startExecs(full, mostExecs);
      expect(statuses).toEqual(Array.from({ length: mostExecs }, () => 200));
      await tare.must(["rm", "-f", full]);
      await expectGone(full);
      // Execs that are just being started write into the directory, too.
      const busy = await tare.must(["run", "-d", "busybox", "sleep", "1000"]);
      await startExecs(busy, 32);
      const late = startExecs(busy, 64);
      await tare.must(["rm", "-f", busy]);
      await late;
      await expectGone(busy);
    },
    60_000 * slowness,
  );
});
