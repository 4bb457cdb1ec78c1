import { chmodSync, closeSync, openSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Failure, kindOf, within } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { damagedState, isDamage, requireEmpty } from "./damage.ts";
import { databaseFailure } from "./database-failure.ts";
import { groupSpecs } from "./group-specs.ts";
import { syncPath } from "./join-log.ts";
import { Reserve } from "./reserve.ts";
import { findSchemaVersion } from "./schema-version.ts";
import { wholeHealthchecks } from "./whole-healthchecks.ts";

/** Each brings the database from its index to the next version; never change one that was released. */
const migrations: readonly (string | ((connection: DatabaseSync) => void))[] = [
  `CREATE TABLE containers (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     image_id TEXT NOT NULL,
     record TEXT NOT NULL
   ) STRICT;
   CREATE TABLE images (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
   CREATE TABLE image_references (
     reference TEXT PRIMARY KEY,
     image_id TEXT NOT NULL REFERENCES images (id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE events (sequence INTEGER PRIMARY KEY, event TEXT NOT NULL) STRICT;
   CREATE TABLE intents (
     id INTEGER PRIMARY KEY,
     kind TEXT NOT NULL,
     subject TEXT NOT NULL,
     intent TEXT NOT NULL
   ) STRICT;
   CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  "CREATE TABLE volumes (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;",
  "CREATE TABLE manifest_lists (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;",
  "CREATE TABLE networks (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;",
  "CREATE TABLE secrets (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;",
  groupSpecs,
  wholeHealthchecks,
  "CREATE TABLE build_cache (key TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;",
];

/** The state's database: one connection, which is the only one (the data root is locked). */
export class Database implements Disposable {
  readonly #connection: DatabaseSync;
  readonly #dataRoot: string;
  readonly #reserve: Reserve;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;
  #changes = 0;
  #onChange: () => void = () => {};
  #isCopySound = true;

  constructor(connection: DatabaseSync, dataRoot: string) {
    this.#connection = connection;
    this.#dataRoot = dataRoot;
    this.#reserve = new Reserve(join(dataRoot, "reserve"));
  }

  /** Counts changes, those that are undone, too. */
  get changes(): number {
    return this.#changes;
  }

  run(sql: string, ...values: (string | number)[]): void {
    this.#translated(() => this.#prepare(sql).run(...values));
    this.#changes++;
    this.#onChange();
  }

  all(sql: string, ...values: (string | number)[]): readonly Readonly<Record<string, unknown>>[] {
    return this.#prepare(sql).all(...values);
  }

  insert(sql: string, ...values: (string | number)[]): number {
    const { lastInsertRowid } = this.#translated(() => this.#prepare(sql).run(...values));
    this.#changes++;
    this.#onChange();
    return Number(lastInsertRowid);
  }

  /** Reads all of it. Throws "corrupt" when it is damaged. */
  requireSound(): void {
    const [row] = this.all("PRAGMA quick_check");
    const said = String(row?.["quick_check"]);
    if (said !== "ok") throw damagedState(this.#dataRoot, new Error(said));
  }

  /** Called after each change, often more than once. There is one listener. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /**
   * Until endCopy() the file stays as it is and the log only grows, so that another thread can copy them. SAFETY: a log
   * that is all in the file is written from its beginning by the next change: that is the one here.
   */
  beginCopy(): void {
    this.#connection.exec("PRAGMA wal_autocheckpoint = 0");
    this.#isCopySound = true;
    this.#translated(() =>
      this.#prepare(
        "INSERT INTO facts (name, value) VALUES ('copied', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      ).run(new Date().toISOString()),
    );
  }

  /** False when the copy is not consistent, because the log was truncated to free space meanwhile. Idempotent. */
  endCopy(): boolean {
    this.#connection.exec("PRAGMA wal_autocheckpoint = 1000");
    return this.#isCopySound;
  }

  /**
   * Runs a write that must succeed on a full disk, too: a removal that frees space, or the record of an event that has
   * happened.
   */
  vitally<T>(work: () => T): T {
    for (;;) {
      try {
        return work();
      } catch (thrown) {
        if (this.#depth > 0 || kindOf(thrown) !== "exhausted" || !this.#reserve.giveUp()) throw thrown;
        this.#reuseLog();
      }
    }
  }

  /** To be called periodically: the disk may have free space again. */
  restoreReserve(): void {
    this.#reserve.ensure();
  }

  /** All of `work` or nothing; survives the death of this process, not power loss. Nests into the outer one. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#depth++;
    try {
      return this.#translated(() => {
        this.#prepare("BEGIN IMMEDIATE").run();
        const result = work();
        fault("transaction.written");
        this.#prepare("COMMIT").run();
        return result;
      });
    } catch (thrown) {
      if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK"); // a full disk has done it already
      throw thrown;
    } finally {
      this.#depth--;
    }
  }

  /** As transaction(), and on the disk when it returns. */
  durably<T>(work: () => T): T {
    this.#connection.exec("PRAGMA synchronous = FULL");
    try {
      return this.transaction(work);
    } finally {
      this.#connection.exec("PRAGMA synchronous = NORMAL");
    }
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#connection.close();
  }

  /**
   * Checkpoints the write-ahead log, so that SQLite overwrites the blocks of the log: that needs no additional space.
   */
  #reuseLog(): void {
    this.#isCopySound = false;
    try {
      this.#connection.exec("PRAGMA wal_checkpoint(RESTART)");
    } catch {
      // Not even that: the next step of the reserve may do.
    }
  }

  #translated<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw databaseFailure(thrown, this.#dataRoot);
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/**
 * Opens or makes the database, brought to this version's schema. The data root's lock must be held. Throws "corrupt"
 * when it is damaged, or new in a data root that has content, unless `mayBeNew`; "unsupported" when its schema is
 * newer.
 */
export function openDatabase(
  path: string,
  { mayBeNew = false }: { readonly mayBeNew?: boolean | undefined } = {},
): Database {
  let connection: DatabaseSync | undefined;
  try {
    requireKnownSchema(path);
    if (!mayBeNew && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0)
      requireEmpty(dirname(path));
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    connection = new DatabaseSync(path);
    // The lock of the data root is ours: no shared memory, no file locks for each statement.
    connection.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON",
    );
    migrate(connection, () => (mayBeNew ? undefined : requireEmpty(dirname(path))));
    syncPath(dirname(path));
    return new Database(connection, dirname(path));
  } catch (thrown) {
    connection?.close();
    if (isDamage(thrown)) throw damagedState(dirname(path), thrown);
    throw thrown instanceof Failure ? thrown : within(`cannot open the state "${path}"`, thrown);
  }
}

/**
 * Throws "unsupported" when a newer build wrote the database at `path`, without opening it: its files stay as they are,
 * for that build. Fine when there is none.
 */
export function requireKnownSchema(path: string): void {
  const version = findSchemaVersion(path) ?? 0;
  if (version <= migrations.length) return;
  throw new Failure(
    "unsupported",
    `cannot open the data root "${dirname(path)}": its records (${basename(path)}) have schema version ${version}, and this build of Tare reads versions up to ${migrations.length}; use the build that wrote them or a newer one, or choose another data root with --data-root`,
  );
}

/** In one transaction: a database has the schema of one build, whenever this process is killed. */
function migrate(connection: DatabaseSync, beforeFirst: () => void): void {
  const version = Number(connection.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version === 0) beforeFirst();
  if (version === migrations.length) return;
  connection.exec("BEGIN IMMEDIATE");
  try {
    for (const migration of migrations.slice(version)) {
      if (typeof migration === "function") migration(connection);
      else connection.exec(migration);
      fault("state.migrated");
    }
    connection.exec(`PRAGMA user_version = ${migrations.length}; COMMIT`);
  } catch (thrown) {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    throw thrown;
  }
}
