import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** The id of a container of which only a directory is left. */
const lost = "0123456789abcdef".repeat(4);

describe.skipIf(!isRoot)("records that are lost or damaged", () => {
  let tare: Installation;

  beforeEach(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["run", "--name", "ended", "busybox", "sh", "-c", "echo kept > /file; echo said"]);
    await tare.must(["run", "-d", "--name", "alive", "busybox", "sleep", "1000"]);
    await tare.must(["volume", "create", "data"]);
  });
  afterEach(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const path = (...names: string[]): string => join(tare.dataRoot, ...names);
  const blobs = (): readonly string[] => readdirSync(path("content/blobs/sha256")).toSorted();
  const newest = (): string => path("state-copies/1.db");

  async function stop(): Promise<void> {
    await tare.must(["system", "settle"]);
    await tare.must(["daemon", "stop"]);
    await poll(() => tare.daemonPid() === undefined || undefined, { timeoutMs: 20_000, what: "see it gone" });
  }

  /** The database and its log. */
  function lose(): void {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path(`state.db${suffix}`), { force: true });
  }

  async function copyAppears(): Promise<void> {
    await poll(() => existsSync(newest()) || undefined, {
      timeoutMs: 60_000,
      what: "see a copy of the records",
    });
  }

  const refusal = "its records (state.db) are lost; stop the daemon, if one runs, and run: tare --data-root";

  test("a data root with content and no records is refused, and nothing is removed", async () => {
    await stop();
    const before = blobs();
    lose();
    for (let at = 0; at < 2; at++) expect(await tare.refused(["ps"])).toContain(refusal);
    closeSync(openSync(path("state.db"), "w"));
    expect(await tare.refused(["ps"])).toContain(refusal);
    expect(blobs()).toEqual(before);
    await tare.must(["system", "repair"]);
    expect(await tare.must(["images", "-q", "--no-trunc"])).toContain("sha256:");
  });

  test("repair starts from the newest copy and keeps names and settings", async () => {
    await copyAppears();
    await stop();
    lose();
    expect(await tare.must(["system", "repair"])).toMatch(/^The records were made from the copy of \d{4}-/);
    expect(await tare.must(["ps", "-a", "--format", "{{.Names}} {{.State}}"])).toBe(
      "alive running\nended exited",
    );
    expect(await tare.must(["exec", "alive", "echo", "here"])).toBe("here");
    expect(await tare.must(["run", "--rm", "busybox", "echo", "named"])).toBe("named");
    expect(statSync(newest()).mode & 0o777).toBe(0o600);
  });

  test("repair without a copy adds images, volumes and containers from the disk, the living one as running", async () => {
    await stop();
    rmSync(path("state-copies"), { recursive: true, force: true });
    lose();
    const report = await tare.must(["system", "repair"]);
    expect(report).toContain("The records were made from the disk alone");
    expect(report).toMatch(
      /Added from the disk:\n {2}image sha256:[^]*volume data\n[^]*container recovered-/,
    );
    expect(report).toContain("Lost:\n  names of images");
    const states = await tare.must(["ps", "-a", "--format", "{{.State}} {{.Names}}"]);
    const names = new Map(states.split("\n").map((line) => line.split(" ") as [string, string]));
    expect([...names.keys()].toSorted()).toEqual(["exited", "running"]);
    expect(await tare.must(["exec", names.get("running") ?? "", "echo", "here"])).toBe("here");
    expect(await tare.must(["logs", names.get("exited") ?? ""])).toBe("said");
    expect(await tare.must(["cp", `${names.get("exited")}:/file`, "-"])).toContain("kept");
    expect(await tare.must(["volume", "ls", "-q"])).toBe("data");
  });

  test("after a repair nothing is removed as garbage until it is confirmed; check says so", async () => {
    await tare.must(["secret", "create", "kept", "-"], { input: "value" });
    await stop();
    rmSync(path("state-copies"), { recursive: true, force: true });
    lose();
    await tare.must(["system", "repair"]);
    // Logs of a container whose file system is lost, too, and the value of a secret that has no record any more.
    mkdirSync(path("containers", lost));
    const unknown = (): readonly string[] => [
      ...readdirSync(path("containers")).filter((name) => name === lost),
      ...readdirSync(path("secrets")),
    ];
    await tare.must(["rm", "-f", ...(await tare.must(["ps", "-aq"])).split("\n")]);
    const before = blobs();
    await tare.must(["image", "prune", "-af"]);
    await stop();
    await tare.must(["system", "settle"]);
    expect(blobs()).toEqual(before);
    expect(unknown()).toHaveLength(2);
    expect((await tare.tare(["system", "check"])).stdout).toContain("tare system repair --confirm");
    await stop();
    expect(await tare.must(["system", "repair", "--confirm"])).toContain("garbage is collected again");
    await tare.must(["system", "settle"]);
    expect(blobs()).toEqual([]);
    expect(unknown()).toEqual([]);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  });

  test("a damaged database leads to the same sentence, and the repair puts it aside", async () => {
    await copyAppears();
    await stop();
    const sound = path("sound.db");
    copyFileSync(path("state.db"), sound);
    for (const at of [0, 4096 * 2]) {
      copyFileSync(sound, path("state.db"));
      const fd = openSync(path("state.db"), "r+");
      writeSync(fd, Buffer.alloc(4096 * 8, 0x5a), 0, 4096 * 8, at);
      closeSync(fd);
      const said = await tare.refused(["ps"]);
      expect(said).toMatch(
        /its records \(state\.db\) are damaged \(.+\); stop the daemon, if one runs, and run: tare/,
      );
      expect(await tare.must(["system", "repair"])).toContain("/state-damaged-");
      expect(await tare.must(["ps", "-a", "--format", "{{.Names}}"])).toBe("alive\nended");
      await stop();
    }
    rmSync(sound);
  });

  test("repair is refused while a daemon runs, and has nothing to do with sound records", async () => {
    await tare.must(["ps"]);
    expect(await tare.refused(["system", "repair"])).toContain(`process ${tare.daemonPid()} holds it`);
    await stop();
    expect(await tare.must(["system", "repair"])).toContain("there is nothing to repair");
  });
});
