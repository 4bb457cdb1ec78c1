import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { findSchemaVersion } from "../../../src/engine/state/schema-version.ts";
import { openState } from "../../../src/engine/state/state.ts";
import { Scratch } from "../../support/scratch.ts";
import { recordOf } from "./state-records.ts";

let scratch: Scratch;
let path = "";
beforeEach(() => {
  scratch = new Scratch("schema-version");
  path = scratch.join("state.db");
});
afterEach(() => {
  scratch[Symbol.dispose]();
});

/** A database and its log as a process that was killed leaves them. */
function writeKilled(work: (connection: DatabaseSync) => void): void {
  const draft = scratch.join("draft.db");
  const connection = new DatabaseSync(draft);
  connection.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL");
  work(connection);
  for (const suffix of ["", "-wal"]) copyFileSync(`${draft}${suffix}`, `${path}${suffix}`);
  connection.close();
}

const fill = (connection: DatabaseSync, rows: number): void => {
  connection.exec("CREATE TABLE IF NOT EXISTS filled (text TEXT)");
  const insert = connection.prepare("INSERT INTO filled VALUES (?)");
  for (let row = 0; row < rows; row++) insert.run("x".repeat(3000));
};

test("findSchemaVersion() reads the file when there is no log", () => {
  using connection = new DatabaseSync(path);
  connection.exec("PRAGMA user_version = 7; CREATE TABLE one (text TEXT)");
  expect(findSchemaVersion(path)).toBe(7);
});

test("findSchemaVersion() reads the last commit in the log", () => {
  writeKilled((connection) => {
    connection.exec("PRAGMA user_version = 3");
    fill(connection, 50);
    connection.exec("PRAGMA user_version = 9");
    fill(connection, 5);
  });
  expect(readFileSync(path).readInt32BE(60)).toBe(0);
  expect(findSchemaVersion(path)).toBe(9);
});

test("findSchemaVersion() leaves out a transaction whose end is missing or damaged in the log", () => {
  const sizes: number[] = [];
  writeKilled((connection) => {
    for (const version of [3, 9]) {
      connection.exec(`BEGIN; PRAGMA user_version = ${version}`);
      fill(connection, 20);
      connection.exec("COMMIT");
      sizes.push(statSync(scratch.join("draft.db-wal")).size);
    }
  });
  expect(findSchemaVersion(path)).toBe(9);
  const log = `${path}-wal`;
  const whole = readFileSync(log);
  const [first = 0, second = 0] = sizes;
  for (let length = first; length < second; length += 1009) {
    truncateSync(log, length);
    expect([length, findSchemaVersion(path)]).toEqual([length, 3]);
    writeFileSync(log, whole);
  }
  whole[first + 200] = (whole[first + 200] ?? 0) ^ 1;
  writeFileSync(log, whole);
  expect(findSchemaVersion(path)).toBe(3);
});

test("findSchemaVersion() leaves out what an older log has left behind the newer one", () => {
  writeKilled((connection) => {
    connection.exec("PRAGMA user_version = 9");
    fill(connection, 100);
    connection.exec("PRAGMA user_version = 4; PRAGMA wal_checkpoint(RESTART)");
    connection.exec("INSERT INTO filled VALUES ('first of the new log')");
  });
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(100_000);
  expect(findSchemaVersion(path)).toBe(4);
});

test("findSchemaVersion() gives undefined for what is absent, empty or no database", () => {
  expect(findSchemaVersion(path)).toBeUndefined();
  writeFileSync(path, "");
  expect(findSchemaVersion(path)).toBeUndefined();
  writeFileSync(path, "x".repeat(4096));
  writeFileSync(`${path}-wal`, "x".repeat(4096));
  expect(findSchemaVersion(path)).toBeUndefined();
});

test("openState() refuses a newer schema in one sentence and changes no file", () => {
  openState(scratch.path)[Symbol.dispose]();
  const current = findSchemaVersion(path) ?? 0;
  expect(current).toBeGreaterThan(4);
  copyFileSync(path, scratch.join("draft.db"));
  writeKilled((connection) => connection.exec(`PRAGMA user_version = ${current + 1}`));
  const read = (): unknown =>
    readdirSync(scratch.path).map((name) => {
      const { mtimeMs, ino, mode } = statSync(join(scratch.path, name));
      return [name, mtimeMs, ino, mode, readFileSync(join(scratch.path, name)).toString("base64")];
    });
  const before = read();
  expect(() => openState(scratch.path)).toThrow(
    `cannot open the data root "${scratch.path}": its records (state.db) have schema version ${current + 1}, and this build of Tare reads versions up to ${current}; use the build that wrote them or a newer one, or choose another data root with --data-root`,
  );
  expect(read()).toEqual(before);
});

/** A database of schema version 2: volumes had just come, and the options of containers had no groups. */
function writeVersion2(): void {
  {
    using state = openState(scratch.path);
    state.putContainer(recordOf(1));
  }
  using connection = new DatabaseSync(path);
  for (const table of ["manifest_lists", "networks", "secrets", "build_cache"])
    connection.exec(`DROP TABLE ${table}`);
  const flat = JSON.stringify({ ...recordOf(1), spec: { image: "x", env: ["A=1"] } });
  connection.prepare("UPDATE containers SET record = ?").run(flat);
  connection.exec("PRAGMA user_version = 2; PRAGMA journal_mode = DELETE");
}

test.each([1, 2, 3, 4])("openState() that is killed after migration %d leaves the old schema", (turn) => {
  writeVersion2();
  const { signal } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, "state-writer.ts"), scratch.path],
    {
      env: { ...process.env, TARE_FAULT: `state.migrated:${turn}` },
      timeout: 60_000,
    },
  );
  expect(signal).toBe("SIGKILL");
  expect(findSchemaVersion(path)).toBe(2);
  {
    using connection = new DatabaseSync(path);
    const tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    const names = tables.map(({ name }) => name);
    for (const name of ["manifest_lists", "networks", "secrets", "build_cache"])
      expect(names).not.toContain(name);
    const row = connection.prepare("SELECT record FROM containers").get();
    expect(JSON.parse(String(row?.["record"]))).toMatchObject({ spec: { image: "x", env: ["A=1"] } });
  }
  using state = openState(scratch.path);
  expect(state.containers()[0]?.spec).toEqual({ image: "x", process: { env: ["A=1"] } });
  expect(findSchemaVersion(path)).toBeGreaterThan(5);
});
