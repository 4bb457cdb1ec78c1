/** The daemon is killed while it copies its records, and `tare system repair` while it makes new ones. */
import { describe, expect, test } from "bun:test";
import { closeSync, copyFileSync, existsSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { FaultPoint } from "../../src/base/fault.ts";
import { killDaemonAndWait } from "../support/fault-run.ts";
import { copyPoints, repairPoints } from "../support/fault-records.ts";
import { isFullRun } from "../support/full-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

/** A copy is made five seconds after a change: `npm test` takes the points where a file is half there, or moved away. */
const sampled: readonly FaultPoint[] = ["records.copied", "records.older"];

const suffixes = ["", "-wal", "-shm"] as const;

async function makeContent(tare: Installation): Promise<void> {
  await tare.must(["load", "-i", busyboxArchive()]);
  await tare.must(["run", "--name", "ended", "busybox", "sh", "-c", "echo said"]);
  await tare.must(["run", "-d", "--name", "alive", "busybox", "sleep", "1000"]);
  await tare.must(["volume", "create", "data"]);
}

const namesOf = (tare: Installation): Promise<string> => tare.must(["ps", "-a", "--format", "{{.Names}}"]);

async function copyAppears(tare: Installation): Promise<void> {
  await poll(() => existsSync(join(tare.dataRoot, "state-copies/1.db")) || undefined, {
    timeoutMs: 60_000,
    what: "see a copy of the records",
  });
}

async function seeGone(pid: number): Promise<void> {
  await poll(() => isGone(pid) || undefined, { timeoutMs: 60_000, what: "see the daemon gone" });
}

function lose(tare: Installation): void {
  for (const suffix of suffixes) rmSync(join(tare.dataRoot, `state.db${suffix}`), { force: true });
}

async function damage(tare: Installation): Promise<void> {
  await tare.must(["system", "settle"]);
  const pid = tare.daemonPid();
  await tare.must(["daemon", "stop"]);
  if (pid !== undefined) await seeGone(pid);
  const fd = openSync(join(tare.dataRoot, "state.db"), "r+");
  writeSync(fd, Buffer.alloc(4096 * 8, 0x5a), 0, 4096 * 8, 0);
  closeSync(fd);
}

/** What repairs have put aside, with the directories' own names left out. */
function asideFiles(tare: Installation): readonly string[] {
  const directories = readdirSync(tare.dataRoot).filter((name) => name.startsWith("state-damaged-"));
  return directories.flatMap((name) => readdirSync(join(tare.dataRoot, name))).toSorted();
}

describe.skipIf(!isRoot)("a daemon that is killed while its records are copied", () => {
  test(
    "leaves its records and a sound copy",
    async () => {
      await using tare = new Installation();
      await makeContent(tare);
      await copyAppears(tare);
      let expected = ["ended", "alive"];
      for (const point of isFullRun ? copyPoints : sampled) {
        await killDaemonAndWait(tare);
        const changed = `made-${copyPoints.indexOf(point)}`;
        await tare.must(["create", "--name", changed, "busybox"], { env: { TARE_FAULT: point } });
        const pid = tare.daemonPid();
        if (pid !== undefined) await seeGone(pid);
        expected = [changed, ...expected];
        // The next daemon has all records.
        const names = await namesOf(tare);
        expect([point, names.split("\n").toSorted()]).toEqual([point, expected.toSorted()]);
        expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
        // What a repair begins with is a whole copy.
        const copies = join(tare.dataRoot, "state-copies");
        expect(readdirSync(copies).filter((name) => name.endsWith(".db"))).not.toEqual([]);
        await killDaemonAndWait(tare);
        for (const suffix of suffixes) {
          const path = join(tare.dataRoot, `state.db${suffix}`);
          if (existsSync(path)) copyFileSync(path, join(tare.directory, `kept${suffix}`));
        }
        lose(tare);
        expect(await tare.must(["system", "repair"])).toMatch(
          /^The records were made from the copy of \d{4}-/,
        );
        const repaired = (await namesOf(tare)).split("\n");
        expect(repaired).toContain("ended");
        expect(repaired).toContain("alive");
        expect(repaired.length).toBe(expected.length);
        // Back to the records from before, for the next point.
        await killDaemonAndWait(tare);
        lose(tare);
        for (const suffix of suffixes) {
          const path = join(tare.directory, `kept${suffix}`);
          if (!existsSync(path)) continue;
          copyFileSync(path, join(tare.dataRoot, `state.db${suffix}`));
          rmSync(path);
        }
        await tare.must(["ps"]);
      }
    },
    120_000 * slowness,
  );
});

describe.skipIf(!isRoot)("a repair that is killed", () => {
  test.each(["with a copy", "from the disk alone"])(
    "%s leaves all to the next one",
    async (kind) => {
      await using tare = new Installation();
      await makeContent(tare);
      if (kind === "with a copy") await copyAppears(tare);
      const known = kind === "with a copy" ? ["alive", "ended"] : [];
      if (kind !== "with a copy")
        rmSync(join(tare.dataRoot, "state-copies"), { recursive: true, force: true });
      const points = repairPoints.filter((point) => kind === "with a copy" || point !== "repair.copied");
      for (const [index, point] of points.entries()) {
        await damage(tare);
        if (kind !== "with a copy")
          rmSync(join(tare.dataRoot, "state-copies"), { recursive: true, force: true });
        await tare.tare(["system", "repair"], { env: { TARE_FAULT: point } });
        if (point !== "repair.moved") {
          expect([point, await tare.refused(["ps"])]).toEqual([
            point,
            expect.stringContaining("system repair"),
          ]);
          expect([point, await tare.must(["system", "repair"])]).toEqual([
            point,
            expect.stringMatching(/^The records were made from/),
          ]);
        }
        const names = (await namesOf(tare)).split("\n");
        expect([point, names.length]).toEqual([point, 2]);
        for (const name of known) expect(names).toContain(name);
        expect(await tare.must(["ps", "-q"])).not.toBe("");
        expect(await tare.must(["volume", "ls", "-q"])).toBe("data");
        expect(await tare.must(["images", "-q"])).not.toBe("");
        expect((await tare.tare(["system", "check"])).stdout).toContain("tare system repair --confirm");
        // Each damaged database is put aside once.
        expect([point, asideFiles(tare)]).toEqual([
          point,
          Array.from({ length: index + 1 }, () => "state.db"),
        ]);
        expect(readdirSync(tare.dataRoot).filter((name) => name.includes("draft"))).toEqual([]);
      }
    },
    120_000 * slowness,
  );
});
