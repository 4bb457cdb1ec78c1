import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { findSchemaVersion } from "../../src/engine/state/schema-version.ts";
import { openEngine } from "../../src/mod.ts";
import { poll } from "../support/patience.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("a data root whose records have a newer schema", () => {
  let tare: Installation;
  let database = "";
  let version = 0;
  beforeEach(async () => {
    tare = new Installation();
    database = join(tare.dataRoot, "state.db");
    await tare.must(["run", "-d", "--name", "goes-on", "hello", "/hello", "--pause"]);
    version = findSchemaVersion(database) ?? 0;
    expect(version).toBeGreaterThan(4);
  });
  afterEach(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const sentence = (): string =>
    `cannot open the data root "${tare.dataRoot}": its records (state.db) have schema version ${version + 1}, and this build of Tare reads versions up to ${version}; use the build that wrote them or a newer one, or choose another data root with --data-root`;

  async function killDaemon(): Promise<void> {
    const pid = tare.daemonPid() as number;
    process.kill(pid, "SIGKILL");
    await poll(() => (isGone(pid) ? true : undefined), { timeoutMs: 20_000, what: "see the daemon end" });
  }

  /** What a newer daemon that was killed leaves: the version is in the write-ahead log only. */
  function setVersion(next: number): void {
    const draft = join(tare.directory, "draft.db");
    for (const suffix of ["", "-wal"]) copyFileSync(`${database}${suffix}`, `${draft}${suffix}`);
    const connection = new DatabaseSync(draft);
    connection.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA user_version = ${next}`);
    for (const suffix of ["", "-wal"]) copyFileSync(`${draft}${suffix}`, `${database}${suffix}`);
    connection.close();
  }

  /** All files of the data root but the lock, whose content is the pid of the last process that tried. */
  function readDataRoot(): readonly unknown[] {
    return readdirSync(tare.dataRoot, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && entry.name !== "lock")
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        const { ino, mode, mtimeMs, size } = statSync(path);
        const content = entry.name.startsWith("state.db") ? readFileSync(path).toString("base64") : "";
        return [path, ino, mode, mtimeMs, size, content];
      });
  }

  test("is refused by the daemon, the library and repair; nothing changes and its containers keep running", async () => {
    const [keeper = 0] = tare.keeperPids();
    await killDaemon();
    setVersion(version + 1);
    const before = readDataRoot();
    const ps = await tare.tare(["ps"]);
    expect(ps.stderr).toContain(sentence());
    expect(ps.status).toBe(1);
    const daemon = await tare.tare(["daemon"]);
    expect(daemon.stderr).toContain(sentence());
    expect(daemon.status).toBe(1);
    expect(await tare.refused(["system", "repair"])).toContain(sentence());
    const { dataRoot, runRoot } = tare;
    const opened = openEngine({ dataRoot, runRoot });
    expect(
      await opened.then(
        () => undefined,
        (thrown: unknown) => thrown,
      ),
    ).toMatchObject({
      kind: "unsupported",
      message: sentence(),
    });
    expect(readDataRoot()).toEqual(before);
    expect(isGone(keeper)).toBe(false);
    setVersion(version);
    expect(await tare.must(["ps", "--format", "{{.Names}} {{.State}}"])).toBe("goes-on running");
  });

  test("keeps its daemon: an older command does not replace it", async () => {
    const pid = tare.daemonPid();
    const log = `${database}-wal`;
    renameSync(log, `${log}.kept`); // the daemon has it open
    const patch = (value: number): void => {
      const fd = openSync(database, "r+");
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(value);
      writeSync(fd, bytes, 0, 4, 60);
      closeSync(fd);
    };
    patch(version + 1);
    const buildFile = `${tare.socket}.build`;
    const build = readFileSync(buildFile);
    const other = openSync(buildFile, "r+");
    writeSync(other, "0123456789ab");
    closeSync(other);
    expect(await tare.refused(["ps"])).toContain(sentence());
    expect(tare.daemonPid()).toBe(pid);
    patch(version);
    renameSync(`${log}.kept`, log);
    const restored = openSync(buildFile, "r+");
    writeSync(restored, build);
    closeSync(restored);
    expect(await tare.must(["ps", "--format", "{{.Names}} {{.State}}"])).toBe("goes-on running");
    expect(tare.daemonPid()).toBe(pid);
  });
});
