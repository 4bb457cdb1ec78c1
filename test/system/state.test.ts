import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openCgroupParent } from "../../src/linux/cgroup/parent.ts";
import { planCgroup } from "../../src/linux/cgroup/plan.ts";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { openState } from "../../src/engine/state/state.ts";
import type { Engine } from "../../src/model/engine.ts";
import type { ContainerDetails } from "../../src/model/containers.ts";
import { findProcessStatistics } from "../../src/linux/process/process.ts";
import { EngineRoots, logText } from "../support/engine.ts";
import { poll } from "../support/patience.ts";
import { isGone } from "../support/tare.ts";
import type { ContainerId } from "../../src/model/ids.ts";
import { asId } from "../support/ids.ts";

let roots: EngineRoots;

beforeAll(async () => {
  roots = new EngineRoots("state");
  await using engine = await roots.openWithBusybox();
  expect(await engine.check()).toEqual([]);
});
afterAll(async () => {
  await roots[Symbol.asyncDispose]();
});

/** An engine in another process, with containers that run the script; it can be killed. */
async function startProcess(
  script: string,
  { count = 1, lifetime = "engine" } = {},
): Promise<{ readonly process: ChildProcess; readonly ids: readonly string[] }> {
  const program = join(import.meta.dirname, "../support/engine-process.ts");
  const child = spawn(
    process.execPath,
    [program, roots.dataRoot, roots.runRoot, String(count), script, lifetime],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { process: child, ids: JSON.parse(line.toString()) as string[] };
}

async function kill(child: ChildProcess): Promise<void> {
  expect(child.exitCode).toBeNull();
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function inspectAll(engine: Engine, ids: readonly string[]): Promise<readonly ContainerDetails[]> {
  return await Promise.all(ids.map((id) => engine.containers.inspect(id)));
}

/** Writes 2000 lines, slowly, and ends when it is asked to, with 5. */
const counting =
  "trap 'asked=1' TERM; i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); [ $((i % 20)) = 0 ] && sleep 0.02; done; " +
  'while [ -z "$asked" ]; do sleep 0.02; done; exit 5';

describe("an engine that is killed", () => {
  test("leaves 20 writing containers running: no line is missing, exit codes are right", async () => {
    const { process: first, ids } = await startProcess(counting, { count: 20 });
    await sleep(300);
    await kill(first);
    await sleep(200);
    await using engine = await roots.open();
    const found = await inspectAll(engine, ids);
    expect(found.map(({ state }) => state.status)).toEqual(ids.map(() => "running"));
    for (const id of ids) {
      await poll(async () => ((await logText(engine, id)) === "" ? undefined : true), {
        timeoutMs: 20_000,
        what: "see the first line",
      });
      await engine.containers.kill(id, { signal: "SIGTERM" });
    }
    const ends = await Promise.all(ids.map((id) => engine.containers.wait(id)));
    expect(ends).toEqual(ids.map(() => ({ code: 5, oomKilled: false })));
    const wanted = Array.from({ length: 2000 }, (_, index) => `${index}\n`).join("");
    for (const id of ids) expect((await logText(engine, id)) === wanted).toBe(true);
    for (const id of ids) await engine.containers.remove(id);
  });

  test("finds the exit codes of those that ended meanwhile", async () => {
    const { process: first, ids } = await startProcess("sleep 0.4; exit 42", { count: 3 });
    await kill(first);
    for (const id of ids) {
      const keeper = keeperOf(recordedPid(id));
      await poll(() => (isGone(keeper) ? true : undefined), { timeoutMs: 20_000, what: "see it end" });
    }
    await using engine = await roots.open();
    for (const { state } of await inspectAll(engine, ids)) {
      expect(state).toMatchObject({ status: "exited", code: 42, oomKilled: false });
    }
    for (const id of ids) await engine.containers.remove(id);
  });

  test("takes containers of lifetime process along", async () => {
    const { process: first, ids } = await startProcess("sleep 1000", { lifetime: "process" });
    const [id = ""] = ids;
    await kill(first);
    await using engine = await roots.open();
    const ended = await engine.containers.wait(id);
    expect(ended.code).toBe(137);
    await engine.containers.remove(id);
  });
});

test("a keeper that dies takes its container along: 137, keeper lost", async () => {
  await using engine = await roots.open();
  const { id } = await engine.containers.create({
    image: "busybox",
    process: { command: ["sleep", "1000"] },
  });
  await engine.containers.start(id);
  const { state } = await engine.containers.inspect(id);
  const pid = state.status === "running" ? state.pid : 0;
  killKeeperOf(pid);
  expect(await engine.containers.wait(id)).toEqual({ code: 137, oomKilled: false, error: "keeper lost" });
  await poll(() => (isGone(pid) ? true : undefined), { timeoutMs: 2000, what: "see the process end" });
  await engine.containers.remove(id);
});

test("a keeper that dies while the engine is away takes its container along", async () => {
  const { process: first, ids } = await startProcess("sleep 1000");
  const [id = ""] = ids;
  await kill(first);
  const pid = recordedPid(id);
  killKeeperOf(pid);
  await using engine = await roots.open();
  expect((await engine.containers.inspect(id)).state).toMatchObject({
    status: "exited",
    code: 137,
    error: "keeper lost",
  });
  await poll(() => (isGone(pid) ? true : undefined), { timeoutMs: 2000, what: "see the process end" });
  await engine.containers.remove(id);
});

test("openEngine() refuses a data root that is held, naming the holder", async () => {
  const { process: first, ids } = await startProcess("sleep 1000");
  await expect(roots.open()).rejects.toMatchObject({
    kind: "conflict",
    message: `cannot open the data root "${roots.dataRoot}": process ${first.pid} holds it`,
  });
  await kill(first);
  await using engine = await roots.open();
  await engine.containers.remove(ids[0] ?? "", { force: true });
});

function recordedPid(id: string): number {
  using state = openState(roots.dataRoot);
  const record = state.findContainer(id);
  return record?.state.status === "running" ? record.state.pid : 0;
}

/** 0 when the process is gone. */
function keeperOf(pid: number): number {
  return findProcessStatistics(pid)?.parentPid ?? 0;
}

function killKeeperOf(pid: number): void {
  const keeper = keeperOf(pid);
  expect(readFileSync(`/proc/${keeper}/comm`, "utf8")).toStartWith("tare-keeper");
  process.kill(keeper, "SIGKILL");
}

test("an engine that is closed leaves its containers running, but those of lifetime process", async () => {
  let ids: readonly string[];
  {
    await using engine = await roots.open();
    ids = await Promise.all(
      (["engine", "process"] as const).map(async (lifetime) => {
        const spec = { image: "busybox", process: { command: ["sleep", "1000"] }, lifecycle: { lifetime } };
        const { id } = await engine.containers.create(spec);
        await engine.containers.start(id);
        return id;
      }),
    );
  }
  await sleep(200);
  await using engine = await roots.open();
  const [first = "", second = ""] = ids;
  expect((await engine.containers.inspect(first)).state.status).toBe("running");
  expect(await engine.containers.wait(second)).toMatchObject({ code: 137 });
  const exec = await engine.containers.createExec(first, { command: ["true"] });
  await engine.containers.startExec(exec, { detach: true });
  expect((await engine.containers.waitExec(exec)).code).toBe(0);
  for (const id of ids) await engine.containers.remove(id, { force: true });
});

test("an engine that is killed at any moment leaves nothing that the next one does not clean up", async () => {
  for (let round = 0; round < 8; round++) {
    const program = join(import.meta.dirname, "../support/engine-churn.ts");
    const child = spawn(process.execPath, [program, roots.dataRoot, roots.runRoot], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await sleep(40 + round * 23);
    await kill(child);
    await using engine = await roots.open();
    await engine.settle();
    expect(await engine.check()).toEqual([]);
    for (const { id, state } of await engine.containers.list({ all: true })) {
      if (state.status === "running") expect(isGone(state.pid)).toBe(false);
      await engine.containers.remove(id, { force: true });
    }
    await engine.settle();
    expect(await engine.check()).toEqual([]);
    expect(readdirSync(join(roots.dataRoot, "containers"))).toEqual([]);
  }
});

test("a cgroup that an ended container left behind is removed at the next open", async () => {
  let id = "";
  let path = "";
  {
    await using engine = await roots.open();
    ({ id } = await engine.containers.create({ image: "busybox", process: { command: ["true"] } }));
    await engine.containers.start(id);
    await engine.containers.wait(id);
    await engine.settle();
    path = (await engine.containers.inspect(id)).effective.cgroup;
  }
  // As when the engine is killed between recording the end and removing the cgroup.
  using parent = openCgroupParent(path.split("/")[0] ?? "");
  parent.create(id, planCgroup({}, parent.layout));
  await using engine = await roots.open();
  await engine.settle();
  expect(await engine.check()).toEqual([]);
  await engine.containers.remove(id);
});

test("directories that belong to no container are removed at the next open, those of containers are not", async () => {
  let id = "";
  {
    await using engine = await roots.open();
    ({ id } = await engine.containers.create({ image: "busybox", process: { command: ["true"] } }));
  }
  const unknown = "ab".repeat(32);
  const places = [join(roots.dataRoot, "containers"), join(roots.runRoot, "containers")];
  for (const place of places) {
    mkdirSync(join(place, unknown, "exec-1"), { recursive: true });
    writeFileSync(join(place, unknown, "exec-1", "exit"), "");
  }
  await using engine = await roots.open();
  await engine.settle();
  expect(await engine.check()).toEqual([]);
  for (const place of places) expect(existsSync(join(place, unknown))).toBe(false);
  expect(existsSync(join(places[0] ?? "", id))).toBe(true);
  await engine.containers.remove(id);
});

test("check() finds a keeper whose container is not known", async () => {
  const { process: first, ids } = await startProcess("sleep 1000");
  const [id = ""] = ids;
  await kill(first);
  const pid = recordedPid(id);
  {
    using state = openState(roots.dataRoot);
    for (const [intent] of state.intents()) state.endIntent(intent);
    state.endIntent(state.removeContainer(asId<ContainerId>(id)));
  }
  await using engine = await roots.open();
  const subjects = (await engine.check()).map(({ subject }) => subject);
  for (const what of ["keeper", "cgroup", "snapshot", "directory"]) {
    expect(subjects.some((subject) => subject.startsWith(what))).toBe(true);
  }
  await engine[Symbol.asyncDispose]();
  {
    using state = openState(roots.dataRoot);
    state.beginIntent({ kind: "remove", containerId: asId<ContainerId>(id) });
  }
  await using next = await roots.open();
  await next.settle();
  expect(await next.check()).toEqual([]);
  expect(isGone(pid)).toBe(true);
});
