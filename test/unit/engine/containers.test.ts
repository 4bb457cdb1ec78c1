import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import fc from "fast-check";
import { sleep } from "../../../src/base/deadline.ts";
import { Failure } from "../../../src/base/failure.ts";
import { startEngine } from "../../../src/engine/local-engine.ts";
import { openState } from "../../../src/engine/state/state.ts";
import type { Engine } from "../../../src/model/engine.ts";
import type { ContainerSpec } from "../../../src/model/container-spec.ts";
import { Scratch } from "../../support/scratch.ts";
import { FakeProcess, FakeWorld } from "./fake-dependencies.ts";
import type { ContainerId } from "../../../src/model/ids.ts";
import { asId } from "../../support/ids.ts";

let scratch: Scratch;
let world: FakeWorld;
let engine: Engine;

beforeEach(async () => {
  scratch = new Scratch("engine-unit");
  world = new FakeWorld(scratch.path);
  engine = await startEngine(await world.parts());
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

async function reopen(): Promise<void> {
  await engine[Symbol.asyncDispose]();
  engine = await startEngine(await world.parts());
}

async function create(spec: Partial<ContainerSpec> = {}): Promise<string> {
  return (await engine.containers.create({ image: "hello", ...spec })).id;
}

async function start(spec: Partial<ContainerSpec> = {}): Promise<string> {
  const id = await create(spec);
  await engine.containers.start(id);
  return id;
}

async function statusOf(id: string): Promise<string> {
  return (await engine.containers.inspect(id)).state.status;
}

/** Nothing of any container may be left, and check() agrees. */
async function expectNothingLeft(): Promise<void> {
  await engine.settle();
  expect(await engine.check()).toEqual([]);
  expect(readdirSync(join(world.root, "snapshots"))).toEqual([]);
  expect(readdirSync(join(world.root, "data/containers"))).toEqual([]);
  expect(readdirSync(join(world.root, "run/containers"))).toEqual([]);
  expect([...world.cgroups]).toEqual([]);
}

describe("create()", () => {
  test("lets one of many have a name", async () => {
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => create({ name: "web" })));
    const failed = all.filter((each) => each.status === "rejected");
    expect(failed).toHaveLength(19);
    const [one] = await engine.containers.list({ all: true });
    for (const { reason } of failed) {
      expect(reason).toMatchObject({ kind: "conflict", details: { name: "web" } });
      expect(reason.details.id).toBe(one?.id);
    }
  });

  test("leaves nothing when it fails", async () => {
    world.snapshotFailure = new Failure("exhausted", "cannot make it: ENOSPC");
    await expect(create({ name: "web" })).rejects.toThrow("ENOSPC");
    expect(await engine.containers.list({ all: true })).toEqual([]);
    await expectNothingLeft();
    await create({ name: "web" });
  });

  test("refuses before anything is made", async () => {
    for (const [spec, kind] of [
      [{ image: "absent" }, "not-found"],
      [{ image: "hello", name: "-" }, "invalid"],
      [
        {
          image: "hello",
          storage: { mounts: [{ kind: "bind", source: join(world.root, "absent"), target: "/x" }] },
        },
        "invalid",
      ],
      [{ image: "hello", isolation: { namespaces: { pid: { container: "absent" } } } }, "invalid"],
      [{ image: "hello", storage: { volumesFrom: [{ container: "absent" }] } }, "invalid"],
      [{ image: "hello", lifecycle: { requires: ["absent"] } }, "invalid"],
      [{ image: "hello", isolation: { seccomp: { profile: "{" } } }, "invalid"],
      [{ image: "hello", resources: { limits: { memoryBytes: 1024 } } }, "invalid"],
    ] as [ContainerSpec, string][]) {
      await expect(engine.containers.create(spec)).rejects.toMatchObject({ kind });
    }
    await expectNothingLeft();
  });

  test("brings the embedded image in once", async () => {
    await Promise.all(Array.from({ length: 5 }, () => create()));
    const [image, ...others] = await engine.images.list();
    expect(others).toEqual([]);
    expect(image).toMatchObject({ references: ["hello:latest"], containers: 5 });
  });
});

describe("references", () => {
  test("name goes before the beginning of an id, and an ambiguous one is refused", async () => {
    const first = await create();
    await create({ name: first.slice(0, 12) });
    expect((await engine.containers.inspect(first.slice(0, 12))).name).toBe(first.slice(0, 12));
    expect((await engine.containers.inspect(first.slice(0, 13))).id).toBe(asId(first));
    for (let made = 0; made < 17; made++) await create();
    const prefix = [..."0123456789abcdef"].find((digit) => digit !== "");
    const ids = (await engine.containers.list({ all: true })).map(({ id }) => id);
    const shared = [..."0123456789abcdef"].find(
      (digit) => ids.filter((id) => id.startsWith(digit)).length > 1,
    );
    expect(prefix).toBeDefined();
    await expect(engine.containers.inspect(shared ?? "")).rejects.toThrow("several ids begin so");
    await expect(engine.containers.inspect("nobody")).rejects.toMatchObject({
      kind: "not-found",
      details: { container: "nobody" },
    });
  });

  test("rename() moves the name and frees the old one", async () => {
    const id = await create({ name: "before" });
    const taken = await create({ name: "taken" });
    await expect(engine.containers.rename(id, "taken")).rejects.toMatchObject({ details: { id: taken } });
    await engine.containers.rename("before", "after");
    expect((await engine.containers.inspect("after")).id).toBe(asId(id));
    await create({ name: "before" });
    await reopen();
    expect((await engine.containers.inspect("after")).id).toBe(asId(id));
  });
});

describe("wait()", () => {
  test("not-running gives what is, next-exit what comes, removed the last", async () => {
    const id = await create();
    expect(await engine.containers.wait(id)).toEqual({ code: 0, oomKilled: false });
    const next = engine.containers.wait(id, { until: "next-exit" });
    const removed = engine.containers.wait(id, { until: "removed" });
    await engine.containers.start(id);
    const running = engine.containers.wait(id);
    world.processOf(id).end(4);
    expect(await next).toEqual({ code: 4, oomKilled: false });
    expect(await running).toEqual({ code: 4, oomKilled: false });
    expect(await engine.containers.wait(id)).toEqual({ code: 4, oomKilled: false });
    await engine.containers.remove(id);
    expect(await removed).toEqual({ code: 4, oomKilled: false });
  });

  test("is given up by its signal", async () => {
    const id = await start();
    const abort = new AbortController();
    const waiting = engine.containers.wait(id, { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ kind: "canceled" });
  });

  test("ends, and so do attached streams, when a container ends that is started again", async () => {
    const id = await create({ lifecycle: { restartPolicy: { name: "always" } } });
    const { duplex } = await engine.containers.attach(id, { stdout: true });
    await engine.containers.start(id);
    const next = engine.containers.wait(id, { until: "next-exit" });
    const last = engine.containers.wait(id, { until: "not-running" });
    world.processOf(id).end(11);
    expect(await next).toMatchObject({ code: 11 });
    expect(await last).toMatchObject({ code: 11 });
    for await (const piece of duplex) throw new Error(`unexpected ${String(piece)}`);
    await engine.containers.remove(id, { force: true });
  });

  test("hears of a start that failed", async () => {
    const id = await create();
    const next = engine.containers.wait(id, { until: "next-exit" });
    world.startFailure = new Failure("invalid", "cannot execute it", { details: { exitCode: 127 } });
    await expect(engine.containers.start(id)).rejects.toThrow("cannot execute it");
    expect(await next).toEqual({ code: 127, oomKilled: false, error: "cannot execute it" });
    await engine.containers.start(id);
    expect(await statusOf(id)).toBe("running");
  });
});

describe("start() and its end", () => {
  test("records the end, the want of memory and the events", async () => {
    const id = await start();
    world.oomKills.set(id, 1);
    world.processOf(id).finish({ end: { signal: 9 }, finishedAt: 1234 });
    expect(await engine.containers.wait(id)).toEqual({ code: 137, oomKilled: true });
    const seen: string[] = [];
    for await (const { action, type } of engine.events({ sinceMs: 0, untilMs: Date.now() + 5 })) {
      if (type === "container") seen.push(action);
    }
    expect(seen).toEqual(["create", "start", "oom", "die"]);
  });

  test("removes a container with autoRemove, also when it could not start", async () => {
    const first = await start({ name: "again", lifecycle: { autoRemove: true } });
    const removed = engine.containers.wait(first, { until: "removed" });
    world.processOf(first).end(3);
    expect(await removed).toEqual({ code: 3, oomKilled: false });
    const second = await create({ name: "again", lifecycle: { autoRemove: true } });
    world.startFailure = new Failure("invalid", "cannot start it");
    await expect(engine.containers.start(second)).rejects.toThrow("cannot start it");
    expect(await engine.containers.list({ all: true })).toEqual([]);
    await expectNothingLeft();
  });

  test("gives the runtime the cgroup, the log and the hook only when it is needed", async () => {
    const id = await start();
    expect(world.starts[0]).toMatchObject({
      cgroupName: id,
      logDirectory: join(world.root, "data/containers", id, "log"),
    });
    expect(world.starts[0]?.beforeFirstInstruction).toBeUndefined();
    const second = await create();
    const { duplex } = await engine.containers.attach(second, { stdout: true, stdin: true });
    duplex.write("early");
    await engine.containers.start(second);
    const process = world.processOf(second);
    expect(process.attached).toHaveLength(1);
    let text = "";
    duplex.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await sleep(1);
    process.end();
    await new Promise((resolve) => duplex.once("end", resolve));
    expect(text).toBe("early"); // the fake gives back what it gets
  });

  test("an end that cannot be recorded is recorded when it can", async () => {
    const id = await start();
    const { StatementSync } = await import("node:sqlite");
    const full = spyOn(StatementSync.prototype, "run").mockImplementation(() => {
      throw new Error("database or disk is full");
    });
    try {
      world.processOf(id).end(3);
      await sleep(10);
      expect(await statusOf(id)).toBe("running");
      expect((await engine.check()).map(({ problem }) => problem).join()).toContain("disk is full");
    } finally {
      full.mockRestore();
    }
    expect(await engine.containers.wait(id)).toEqual({ code: 3, oomKilled: false });
  });

  test("ends those who are attached to a container that is removed", async () => {
    const id = await create();
    const { duplex } = await engine.containers.attach(id, { stdout: true, stdin: true });
    duplex.resume();
    const ended = new Promise((resolve) => duplex.once("end", resolve));
    await engine.containers.remove(id);
    await ended;
  });
});

describe("stop() and kill()", () => {
  test("stop() kills after the grace", async () => {
    const id = await start();
    const process = world.processOf(id);
    process.isStubborn = true;
    expect(await engine.containers.stop(id, { graceMs: 20 })).toBe(true);
    expect(process.signals).toEqual([15, 9]);
    expect(await engine.containers.stop(id)).toBe(false);
  });

  test("kill() of a container that doesn't run is a conflict", async () => {
    const id = await create();
    await expect(engine.containers.kill(id)).rejects.toMatchObject({ kind: "conflict" });
    await expect(engine.containers.kill(id, { signal: "NONSENSE" })).rejects.toMatchObject({
      kind: "invalid",
    });
  });

  test("restart() runs it again", async () => {
    const id = await start();
    const first = world.processOf(id);
    await engine.containers.restart(id);
    expect(world.processOf(id)).not.toBe(first);
    expect(await statusOf(id)).toBe("running");
  });

  test("restart() keeps a container with autoRemove, and only for the restart", async () => {
    const id = await start({ lifecycle: { autoRemove: true } });
    const first = world.processOf(id);
    await engine.containers.restart(id);
    expect(world.processOf(id)).not.toBe(first);
    expect(await statusOf(id)).toBe("running");
    await Promise.all([engine.containers.restart(id), engine.containers.restart(id)]);
    expect(await statusOf(id)).toBe("running");
    const removed = engine.containers.wait(id, { until: "removed" });
    world.processOf(id).end(4);
    expect(await removed).toEqual({ code: 4, oomKilled: false });
    await expectNothingLeft();
  });

  test("restart() removes a container with autoRemove that cannot be started again", async () => {
    const id = await start({ lifecycle: { autoRemove: true } });
    world.startFailure = new Failure("invalid", "cannot start it");
    await expect(engine.containers.restart(id)).rejects.toThrow("cannot start it");
    expect(await engine.containers.list({ all: true })).toEqual([]);
    await expectNothingLeft();
  });

  test("restart() removes a container with autoRemove whose start is refused before anything is done", async () => {
    const required = await start();
    const id = await start({ lifecycle: { autoRemove: true, requires: [required] } });
    await engine.containers.remove(required, { force: true });
    await expect(engine.containers.restart(id)).rejects.toThrow("which was removed");
    expect(await engine.containers.list({ all: true })).toEqual([]);
    await expectNothingLeft();
  });
});

describe("remove()", () => {
  test("answers before the slow work is done; settle() waits for it", async () => {
    const gate = Promise.withResolvers<void>();
    world.removalGate = gate.promise;
    const id = await create({ name: "web" });
    await engine.containers.remove(id);
    expect(await engine.containers.list({ all: true })).toEqual([]);
    await create({ name: "web" });
    expect(existsSync(join(world.root, "snapshots", id))).toBe(true);
    let isSettled = false;
    const settled = engine.settle().then(() => {
      isSettled = true;
    });
    await sleep(10);
    expect(isSettled).toBe(false);
    gate.resolve();
    await settled;
    expect(existsSync(join(world.root, "snapshots", id))).toBe(false);
  });

  test("by many at once works for all", async () => {
    const id = await start();
    await Promise.all(Array.from({ length: 10 }, () => engine.containers.remove(id, { force: true })));
    await expectNothingLeft();
  });
});

describe("attached streams", () => {
  /** Whether the end of the stream has come by now. */
  async function hasEnded(stream: Duplex): Promise<boolean> {
    for (let turn = 0; turn < 20; turn++) await sleep(0);
    return stream.readableEnded;
  }

  async function attach(id: string): Promise<Duplex> {
    const { duplex } = await engine.containers.attach(id, { stdout: true, stderr: true });
    return duplex.resume();
  }

  test("end when the exit of the container is recorded, not before", async () => {
    const id = await create();
    const early = await attach(id);
    await engine.containers.start(id);
    const late = await attach(id);
    const process = world.processOf(id);
    expect(process.attached).toHaveLength(2);
    for (const stream of process.attached) stream.end();
    expect([await hasEnded(early), await hasEnded(late)]).toEqual([false, false]);
    const seen: string[] = [];
    for (const stream of [early, late]) stream.on("end", () => void statusOf(id).then((at) => seen.push(at)));
    process.end(3);
    expect([await hasEnded(early), await hasEnded(late)]).toEqual([true, true]);
    expect(seen).toEqual(["exited", "exited"]);
  });

  test("end when the exit of an exec is recorded, not before", async () => {
    const id = await start();
    const exec = await engine.containers.createExec(id, { command: ["true"], attachStdout: true });
    const attached = await engine.containers.startExec(exec);
    const duplex = attached?.duplex.resume() ?? expect.unreachable();
    const process = world.processes.get(join(world.root, "run/containers", id, `exec-${exec}`));
    if (!(process instanceof FakeProcess)) throw new Error("no process");
    for (const stream of process.attached) stream.end();
    expect(await hasEnded(duplex)).toBe(false);
    process.end(3);
    expect(await hasEnded(duplex)).toBe(true);
    expect((await engine.containers.inspectExec(exec)).state).toEqual({
      status: "exited",
      code: 3,
      pid: 1001,
    });
  });

  test("end with the engine, whatever the process does", async () => {
    const id = await start();
    const duplex = await attach(id);
    for (const stream of world.processOf(id).attached) stream.end();
    await reopen();
    expect(await hasEnded(duplex)).toBe(true);
  });
});

describe("exec", () => {
  test("is bounded, and gone with the container", async () => {
    const id = await start();
    const exec = await engine.containers.createExec(id, { command: ["true"] });
    for (let made = 1; made < 512; made++) await engine.containers.createExec(id, { command: ["true"] });
    await expect(engine.containers.createExec(id, { command: ["true"] })).rejects.toMatchObject({
      kind: "exhausted",
    });
    await engine.containers.startExec(exec, { detach: true });
    const process = world.processes.get(join(world.root, "run/containers", id, `exec-${exec}`));
    if (!(process instanceof FakeProcess)) throw new Error("no process");
    expect((await engine.containers.inspectExec(exec)).state).toEqual({
      status: "running",
      pid: process.pid,
    });
    process.end(6);
    expect(await engine.containers.waitExec(exec)).toEqual({ code: 6, oomKilled: false });
    await engine.containers.remove(id, { force: true });
    await expect(engine.containers.inspectExec(exec)).rejects.toMatchObject({ kind: "not-found" });
  });
});

test("an engine that is closed ends those who wait, follow and watch", async () => {
  const id = await start();
  const waiting = engine.containers.wait(id);
  waiting.catch(() => undefined); // it may come before anybody looks
  const following = (async () => {
    for await (const entry of engine.containers.logs(id, { follow: true })) void entry;
  })();
  const watching = (async () => {
    for await (const event of engine.events()) void event;
  })();
  await engine[Symbol.asyncDispose]();
  await expect(waiting).rejects.toThrow("the engine was closed");
  await following;
  await watching;
});

describe("an engine that comes back", () => {
  test("goes on with what runs, and records what ended", async () => {
    const [alive, ended, lost] = [await start(), await start(), await start()];
    const places = world.processes;
    const at = (id: string): string => join(world.root, "run/containers", id);
    await engine[Symbol.asyncDispose]();
    places.set(at(ended), { end: { code: 8 }, finishedAt: Date.now() });
    places.delete(at(lost));
    engine = await startEngine(await world.parts());
    expect(await statusOf(alive)).toBe("running");
    expect(await engine.containers.wait(ended)).toEqual({ code: 8, oomKilled: false });
    expect(await engine.containers.wait(lost)).toEqual({ code: 137, oomKilled: false, error: "keeper lost" });
    const next = engine.containers.wait(alive);
    world.processOf(alive).end(2);
    expect((await next).code).toBe(2);
  });

  test("takes run state of another boot as void", async () => {
    const id = await start();
    await engine[Symbol.asyncDispose]();
    world.bootId = "boot-2";
    engine = await startEngine(await world.parts());
    expect(await engine.containers.wait(id)).toEqual({
      code: 255,
      oomKilled: false,
      error: "the machine was restarted",
    });
  });

  test("rolls back a creation and rolls forward a removal", async () => {
    const kept = await create();
    const half = await create();
    const gone = await create();
    await engine[Symbol.asyncDispose]();
    {
      using state = openState(join(world.root, "data"));
      const intent = state.removeContainer(asId<ContainerId>(half));
      state.endIntent(intent);
      state.beginIntent({ kind: "create", containerId: asId<ContainerId>(half) });
      state.removeContainer(asId<ContainerId>(gone));
    }
    engine = await startEngine(await world.parts());
    await engine.settle();
    expect(readdirSync(join(world.root, "snapshots"))).toEqual([kept]);
    expect(readdirSync(join(world.root, "data/containers"))).toEqual([kept]);
    expect(await engine.check()).toEqual([]);
    await engine.containers.remove(kept);
    await expectNothingLeft();
    await engine[Symbol.asyncDispose]();
    {
      using state = openState(join(world.root, "data"));
      expect(state.intents()).toEqual([]);
    }
    engine = await startEngine(await world.parts());
  });

  test.each([
    ["runs", "running"],
    ["ended", "exited"],
    ["never was made", "exited"],
    ["left an old record", "exited"],
  ] as const)("finishes a start whose process %s", async (what, status) => {
    const id = await create();
    await engine[Symbol.asyncDispose]();
    const begunAt = Date.now();
    {
      using state = openState(join(world.root, "data"));
      state.beginIntent({ kind: "start", containerId: asId<ContainerId>(id), begunAt });
    }
    const place = join(world.root, "run/containers", id);
    if (what === "runs") world.processes.set(place, new FakeProcess(1, world.root));
    if (what === "ended") world.processes.set(place, { end: { code: 3 }, finishedAt: begunAt + 1 });
    if (what === "left an old record")
      world.processes.set(place, { end: { code: 3 }, finishedAt: begunAt - 9 });
    engine = await startEngine(await world.parts());
    const { state } = await engine.containers.inspect(id);
    expect(state.status).toBe(status);
    if (state.status === "exited") expect(state.code).toBe(what === "ended" ? 3 : 125);
    if (what === "runs") world.processOf(id).end();
  });
});

test("whatever is done at once, records and reality agree afterwards", async () => {
  const action = fc.constantFrom("create", "start", "stop", "kill", "remove", "end", "rename", "restart");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(action, fc.integer({ min: 0, max: 3 })), { maxLength: 40 }),
      async (actions) => {
        const { containers } = engine;
        await Promise.all(
          actions.map(async ([what, which]) => {
            const name = `one-${which}`;
            try {
              if (what === "create") await create({ name, lifecycle: { autoRemove: which === 3 } });
              else if (what === "start") await containers.start(name);
              else if (what === "stop") await containers.stop(name, { graceMs: 1 });
              else if (what === "kill") await containers.kill(name);
              else if (what === "remove") await containers.remove(name, { force: true });
              else if (what === "restart") await containers.restart(name, { graceMs: 1 });
              else if (what === "rename") await containers.rename(name, `one-${(which + 1) % 4}`);
              else world.processOf((await containers.inspect(name)).id).end(1);
            } catch (thrown) {
              if (thrown instanceof Failure) expect(["not-found", "conflict"]).toContain(thrown.kind);
              else expect(String(thrown)).toContain("no process of");
            }
          }),
        );
        await engine.settle();
        expect(
          await engine
            .check()
            .then((found) => found.filter(({ problem }) => !problem.includes("first process"))),
        ).toEqual([]);
        for (const { id } of await containers.list({ all: true }))
          await containers.remove(id, { force: true });
        await expectNothingLeft();
      },
    ),
    { numRuns: 40 },
  );
});
