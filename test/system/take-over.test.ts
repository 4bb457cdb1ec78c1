/** A data root of version 0.1.0, whose containers run, is taken over: its specifications have no groups. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { groupSpec } from "../../src/engine/state/group-specs.ts";
import { dieAt, killDaemonAndWait } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

type Members = Readonly<Record<string, unknown>>;

const groups = new Set(["process", "isolation", "resources", "storage", "network", "lifecycle"]);

/** As version 0.1.0 wrote it: the members of all groups at the top. */
function flatten(spec: Members): Members {
  const flat: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(spec)) {
    if (groups.has(name)) Object.assign(flat, value);
    else flat[name] = value;
  }
  return flat;
}

const schemaOf010 = 5;

function withDatabase<T>(tare: Installation, use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(join(tare.dataRoot, "state.db"));
  try {
    // Threads of a killed daemon may hold its lock a little longer than the process is there.
    database.exec("PRAGMA busy_timeout = 10000");
    return use(database);
  } finally {
    database.close();
  }
}

/** Gives the records the form that version 0.1.0 wrote. No daemon may run. */
function makeOld(tare: Installation): void {
  withDatabase(tare, (database) => {
    const update = database.prepare("UPDATE containers SET record = ? WHERE id = ?");
    for (const { id, record } of database.prepare("SELECT id, record FROM containers").all()) {
      const content = JSON.parse(String(record)) as { readonly spec: Members };
      update.run(JSON.stringify({ ...content, spec: flatten(content.spec) }), String(id));
    }
    database.exec(`DROP TABLE build_cache; PRAGMA user_version = ${schemaOf010}`);
  });
}

function schemaOf(tare: Installation): number {
  const row = withDatabase(tare, (database) => database.prepare("PRAGMA user_version").get());
  return Number(row?.["user_version"]);
}

/** What a user sees of a container that does not change while it runs on. */
async function inspect(tare: Installation, name: string): Promise<Members> {
  const [details] = JSON.parse(await tare.must(["inspect", name])) as readonly Members[];
  const { NetworkSettings: _, ...rest } = details ?? {};
  return rest;
}

const countingScript = 'trap "exit 5" INT; i=0; while :; do echo line $i; i=$((i + 1)); sleep 0.1; done';

async function makeContent(tare: Installation): Promise<void> {
  await tare.must(["load", "-i", busyboxArchive()]);
  await tare.must(["volume", "create", "data"]);
  await tare.must(["secret", "create", "token", "-"], { input: "hidden" });
  await tare.must(["network", "create", "--subnet", "10.91.0.0/24", "inner"]);
  await tare.must(
    [
      ["run", "-d", "--name", "web", "--hostname", "web.test", "-e", "A=1", "-l", "app=shop", "-w", "/tmp"],
      ["-u", "1:1", "--group-add", "7", "-m", "64m", "--cpus", "0.5", "--pids-limit", "50"],
      ["--ulimit", "nofile=512:512", "--network", "inner", "-p", "127.0.0.1:18977:80", "--dns", "10.9.9.9"],
      ["--add-host", "db:10.1.1.1", "-v", "data:/data", "--tmpfs", "/scratch", "--read-only"],
      ["--shm-size", "8m", "--secret", "token", "--cap-drop", "all", "--security-opt", "no-new-privileges"],
      ["--restart", "on-failure:3", "--stop-signal", "INT", "--stop-timeout", "20", "--init"],
      ["--log-opt", "max-size=1m", "--oom-score-adj", "100", "busybox", "sh", "-c", countingScript],
    ].flat(),
  );
  await tare.must(["pod", "create", "--name", "crew", "-l", "team=a"]);
  await tare.must(["run", "-d", "--pod", "crew", "--name", "member", "busybox", "sleep", "1000"]);
  await tare.must(["create", "--name", "half", "busybox", "sleep", "1000"]);
}

async function countLines(tare: Installation): Promise<number> {
  return (await tare.must(["logs", "web"])).split("\n").length;
}

test("the specifications of version 0.1.0 are what flatten() makes of the groups", () => {
  // Written by that version, without `received`, which has no groups.
  const specs = JSON.parse(
    readFileSync(join(import.meta.dirname, "../support/specs-0.1.0.json"), "utf8"),
  ) as Readonly<Record<string, Members>>;
  expect(Object.keys(specs)).toEqual(["web", "infra", "member", "half"]);
  for (const spec of Object.values(specs)) expect(flatten(groupSpec(spec))).toEqual(spec);
  // Each option of a container is in a group.
  expect(Object.keys(groupSpec(specs.web ?? {})).toSorted()).toEqual(
    [...groups, "image", "labels", "name"].toSorted(),
  );
});

describe.skipIf(!isRoot)("a data root of version 0.1.0 with running containers", () => {
  test.each(["", "state.migrated"] as const)(
    "is taken over (killed at: %p)",
    async (point) => {
      await using tare = new Installation();
      await makeContent(tare);
      await tare.must(["system", "settle"]);
      const before = await inspect(tare, "web");
      const memberBefore = await inspect(tare, "member");
      await killDaemonAndWait(tare);
      await dieAt(tare, { args: ["start", "half"], fault: "start.launched" });
      makeOld(tare);
      mkdirSync(join(tare.dataRoot, "spares/one"), { recursive: true });
      expect(schemaOf(tare)).toBe(schemaOf010);
      if (point !== "") {
        await dieAt(tare, { args: ["ps"], fault: point });
        // Nothing or all: the records and their version change together.
        expect(schemaOf(tare)).toBe(schemaOf010);
      }
      expect(await tare.must(["ps", "--format", "{{.Names}} {{.State}}"])).toMatch(
        /^half running\nmember running\n[0-9a-f]{12}-infra running\nweb running$/,
      );
      expect(await inspect(tare, "web")).toEqual(before);
      expect(await inspect(tare, "member")).toEqual(memberBefore);
      expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
      expect(existsSync(join(tare.dataRoot, "spares"))).toBe(false);
      // The running ones are the engine's own again.
      const lines = await countLines(tare);
      await poll(async () => (await countLines(tare)) > lines || undefined, {
        timeoutMs: 30_000,
        what: "see further lines",
      });
      expect(await tare.must(["exec", "web", "cat", "/run/secrets/token"])).toBe("hidden");
      expect(await tare.must(["port", "web"])).toBe("80/tcp -> 127.0.0.1:18977");
      expect(await tare.must(["pod", "ps", "--format", "{{.Name}} {{.Status}}"])).toBe("crew Running");
      expect(await tare.must(["volume", "ls", "-q"])).toBe("data");
      await tare.must(["stop", "web"]);
      expect(await tare.must(["inspect", "--format", "{{.State.ExitCode}}", "web"])).toBe("5");
      // And start again from the migrated record.
      await tare.must(["start", "web"]);
      expect(await tare.must(["exec", "web", "sh", "-c", "echo $A; id -G; hostname; ulimit -n; pwd"])).toBe(
        "1\n1 7\nweb.test\n512\n/tmp",
      );
      await tare.must(["pod", "rm", "-f", "crew"]);
      await tare.must(["rm", "-f", "web", "half"]);
      await killDaemonAndWait(tare);
      expect(schemaOf(tare)).toBeGreaterThan(schemaOf010);
    },
    120_000,
  );
});
