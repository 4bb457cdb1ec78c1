/** Which operation comes by which fault points, and what has to be found when the engine has died there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "bun:test";
import { kindOf } from "../../src/base/failure.ts";
import { type FaultOperation, type FaultContext, stateOf } from "./fault-run.ts";
import { dockerArchiveMembers, tarOf } from "./images.ts";
import { poll } from "./patience.ts";

const sleeper = ["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];

async function createSleeper({ engine, name }: FaultContext): Promise<void> {
  await engine.containers.create({ image: "busybox", name, process: { command: sleeper } });
}

async function runSleeper(context: FaultContext): Promise<void> {
  await createSleeper(context);
  await context.engine.containers.start(context.name);
}

/** It can be started, executed in, stopped. */
async function livesAgain({ engine, name }: FaultContext): Promise<void> {
  if ((await stateOf({ engine, name } as FaultContext)) !== "running") await engine.containers.start(name);
  const exec = await engine.containers.createExec(name, { command: ["true"] });
  await engine.containers.startExec(exec, { detach: true });
  await engine.containers.stop(name);
}

export const neverStarted = "exited 125";

/** A container that fails at first, and is started again for it. */
const failsOnce = {
  prepare: async ({ engine, name }) => {
    const command = ["sh", "-c", "test -e /ran || { touch /ran; exit 7; }; exec sleep 1000"];
    const restartPolicy = { name: "on-failure" as const };
    await engine.containers.create({
      image: "busybox",
      name,
      process: { command },
      lifecycle: { restartPolicy },
    });
  },
  outcome: async (context) => {
    const isWaiting = async (): Promise<boolean> => /^(restarting|exited)/.test(await stateOf(context));
    await poll(async () => ((await isWaiting()) ? undefined : true), {
      timeoutMs: 20_000,
      what: "see it start again",
    });
    return await stateOf(context);
  },
  again: async ({ engine, name }) => {
    await engine.containers.kill(name);
    await engine.containers.start(name);
  },
} satisfies Partial<FaultOperation>;

export const containerOperations: Readonly<Record<string, FaultOperation>> = {
  create: {
    args: (name) => ["create", "--name", name, "busybox", "sh", "-c", "exit 4"],
    outcome: stateOf,
    points: {
      "create.intended": "absent",
      "create.directory": "absent",
      "snapshot.drafted": "absent",
      "create.snapshot": "absent",
      "transaction.written": "absent",
      "create.recorded": "created",
    },
    again: async ({ engine, name }, outcome) => {
      const command = ["sh", "-c", "exit 4"];
      if (outcome === "absent")
        await engine.containers.create({ image: "busybox", name, process: { command } });
      await engine.containers.start(name);
      await engine.containers.wait(name);
    },
  },
  start: {
    prepare: createSleeper,
    args: (name) => ["start", name],
    outcome: stateOf,
    points: {
      "start.intended": neverStarted,
      "start.mounted": neverStarted,
      "start.prepared": neverStarted,
      "start.cgroup": neverStarted,
      "launch.spawned": neverStarted,
      "launch.planned": [neverStarted, "running"],
      "launch.born": [neverStarted, "running"],
      "launch.noted": [neverStarted, "running"],
      "launch.running": "running",
      "start.launched": "running",
      "start.recorded": "running",
    },
    again: livesAgain,
  },
  "start again": {
    prepare: async ({ engine, name }) => {
      const command = ["sh", "-c", "test -e /ran || { touch /ran; exit 7; }; exec sleep 1000"];
      await engine.containers.create({ image: "busybox", name, process: { command } });
      await engine.containers.start(name);
      await engine.containers.wait(name);
    },
    args: (name) => ["start", name],
    outcome: stateOf,
    points: {
      "start.intended": neverStarted,
      "launch.spawned": neverStarted,
      "launch.ready": neverStarted,
      "start.launched": "running",
    },
    again: async ({ engine, name }) => {
      await engine.containers.kill(name).catch(() => undefined);
      await engine.containers.start(name);
    },
  },
  "start of one that removes itself": {
    prepare: async ({ engine, name }) =>
      void (await engine.containers.create({
        image: "busybox",
        name,
        process: { command: sleeper },
        lifecycle: { autoRemove: true },
      })),
    args: (name) => ["start", name],
    outcome: stateOf,
    points: { "start.cgroup": "absent", "launch.spawned": "absent", "start.launched": "running" },
    again: async (context, outcome) => {
      if (outcome === "absent") await runSleeper(context);
    },
  },
  "start of one that was stopped by hand": {
    prepare: async ({ engine, name }) => {
      const restartPolicy = { name: "always" as const };
      await engine.containers.create({
        image: "busybox",
        name,
        process: { command: sleeper },
        lifecycle: { restartPolicy },
      });
      await engine.containers.start(name);
      await engine.containers.stop(name, { graceMs: 0 });
    },
    args: (name) => ["start", name],
    outcome: stateOf,
    points: { "start.launched": "running" },
    // Its restart policy counts again.
    again: async ({ engine, name }) => {
      const { state } = await engine.containers.inspect(name);
      if (!("pid" in state)) throw new Error(`it is ${state.status}`);
      process.kill(state.pid, "SIGKILL");
      await poll(
        async () => ((await engine.containers.inspect(name)).restartCount === 1 ? true : undefined),
        {
          timeoutMs: 20_000,
          what: "see its restart policy start it",
        },
      );
    },
  },
  end: {
    prepare: async ({ engine, name }) =>
      void (await engine.containers.create({
        image: "busybox",
        name,
        process: { command: ["sh", "-c", "exit 4"] },
      })),
    args: (name) => ["start", name],
    outcome: stateOf,
    points: { "end.noticed": "exited 4", "end.recorded": "exited 4", "end.swept": "exited 4" },
    again: async ({ engine, name }) => {
      await engine.containers.start(name);
      await engine.containers.wait(name);
    },
  },
  "end of one that starts again": {
    ...failsOnce,
    args: (name) => ["start", name],
    points: { "end.noticed": "running", "end.waiting": "running", "end.swept": "running" },
  },
  "start by its policy": {
    ...failsOnce,
    before: [{ args: (name) => ["start", name], fault: "end.waiting" }],
    args: (name) => ["wait", name],
    points: {
      "start.intended": "running",
      "start.mounted": "running",
      "launch.spawned": "running",
      "launch.born": "running",
      "start.launched": "running",
    },
  },
  "end of one that removes itself": {
    prepare: async ({ engine, name }) => {
      const command = ["sh", "-c", "exit 4"];
      await engine.containers.create({
        image: "busybox",
        name,
        process: { command },
        lifecycle: { autoRemove: true },
      });
    },
    args: (name) => ["start", name],
    outcome: stateOf,
    points: { "end.noticed": "absent", "remove.recorded": "absent", "sweep.cgroup": "absent" },
    again: createSleeper,
  },
};

export const commandOperations: Readonly<Record<string, FaultOperation>> = {
  stop: {
    prepare: runSleeper,
    args: (name) => ["stop", name],
    outcome: stateOf,
    points: { "stop.signaled": ["running", "exited 3"], "stop.ended": "exited 3" },
    again: livesAgain,
  },
  kill: {
    prepare: runSleeper,
    args: (name) => ["kill", name],
    outcome: async (context) => {
      await context.engine.containers.wait(context.name);
      return await stateOf(context);
    },
    points: { "kill.signaled": "exited 137" },
    again: livesAgain,
  },
  restart: {
    prepare: runSleeper,
    args: (name) => ["restart", name],
    outcome: stateOf,
    points: { "restart.stopped": "exited 3" },
    again: livesAgain,
  },
  pause: {
    prepare: runSleeper,
    args: (name) => ["pause", name],
    outcome: stateOf,
    points: { "pause.frozen": "paused", "pause.recorded": "paused" },
    again: async (context) => {
      await context.engine.containers.unpause(context.name);
      await livesAgain(context);
    },
  },
  unpause: {
    prepare: async (context) => {
      await runSleeper(context);
      await context.engine.containers.pause(context.name);
    },
    args: (name) => ["unpause", name],
    outcome: stateOf,
    points: { "unpause.thawed": "running", "unpause.recorded": "running" },
    again: livesAgain,
  },
  rename: {
    prepare: createSleeper,
    args: (name) => ["rename", name, `${name}-new`],
    outcome: async (context) => ((await stateOf(context)) === "absent" ? "renamed" : "as before"),
    points: { "rename.reserved": "as before", "rename.recorded": "renamed" },
    again: async ({ engine, name }, outcome) => {
      if (outcome === "as before") await engine.containers.rename(name, `${name}-new`);
      await engine.containers.rename(`${name}-new`, name);
    },
  },
  update: {
    prepare: runSleeper,
    args: (name) => ["update", "--pids-limit", "77", name],
    outcome: async ({ tare, name }) => {
      const recorded = await tare.must(["inspect", "--format", "{{.HostConfig.PidsLimit}}", name]);
      const id = await tare.must(["inspect", "--format", "{{.Id}}", name]);
      const files = tare.cgroups(id).map((path) => join(path, "pids.max"));
      const [inForce = ""] = files.filter((path) => existsSync(path));
      return `${recorded} ${readFileSync(inForce, "utf8").trim()}`;
    },
    points: {
      "update.intended": "<no value> max",
      "update.applied": "<no value> max",
      "update.recorded": "77 77",
    },
    again: async ({ engine, name }) => void (await engine.containers.update(name, { pidsLimit: 78 })),
  },
  exec: {
    prepare: runSleeper,
    args: (name) => ["exec", name, "sleep", "0.3"],
    outcome: stateOf,
    points: {
      "exec.directory": "running",
      "launch.spawned": "running",
      "launch.planned": "running",
      "launch.born": "running",
      "launch.ready": "running",
      "launch.noted": "running",
      "launch.running": "running",
      "exec.launched": "running",
      "exec.exited": "running",
      "exec.ended": "running",
    },
    again: livesAgain,
  },
  copy: {
    prepare: createSleeper,
    args: (name) => ["cp", "-", `${name}:/root`],
    input: () => tarOf([["copied", "text"]]),
    outcome: async ({ engine, name }) => {
      try {
        return (await engine.containers.statPath(name, "/root/copied")).kind;
      } catch (thrown) {
        if (kindOf(thrown) === "not-found") return "absent";
        throw thrown;
      }
    },
    points: { "copy.mounted": "absent", "copy.written": "file" },
    again: async (context) => {
      const archive = (async function* () {
        yield tarOf([["copied", "other"]]);
      })();
      await context.engine.containers.copyInto(context.name, "/root", { archive });
      await livesAgain(context);
    },
  },
  remove: {
    prepare: createSleeper,
    args: (name) => ["rm", name],
    outcome: stateOf,
    points: {
      "remove.recorded": "absent",
      "sweep.cgroup": "absent",
      "trash.renamed": "absent",
      "sweep.snapshot": "absent",
      "sweep.run": "absent",
      "sweep.data": "absent",
      "sweep.done": "absent",
    },
    again: runSleeper,
  },
  "remove by force": {
    prepare: runSleeper,
    args: (name) => ["rm", "-f", name],
    outcome: stateOf,
    points: {
      "end.noticed": "exited 137",
      "end.recorded": "exited 137",
      "remove.recorded": "absent",
      "sweep.cgroup": "absent",
      "sweep.run": "absent",
    },
    again: async (context, outcome) => {
      if (outcome !== "absent") await context.engine.containers.remove(context.name, { force: true });
      await runSleeper(context);
    },
  },
};

/** The recovery at the next start can be interrupted, too. */
export const recoveryOperations: Readonly<Record<string, FaultOperation>> = {
  "undoing a creation": {
    before: [{ args: (name) => ["create", "--name", name, "busybox", "true"], fault: "create.snapshot" }],
    args: () => ["ps"],
    outcome: stateOf,
    points: { "reconcile.intent": "absent", "undo.snapshot": "absent", "undo.directory": "absent" },
    again: createSleeper,
  },
  "undoing a start": {
    prepare: createSleeper,
    before: [{ args: (name) => ["start", name], fault: "start.cgroup" }],
    args: () => ["ps"],
    outcome: stateOf,
    points: {
      "reconcile.intent": neverStarted,
      "reconcile.found": neverStarted,
      "end.recorded": neverStarted,
      "reconcile.done": neverStarted,
    },
    again: livesAgain,
  },
  "going on with a start": {
    prepare: createSleeper,
    before: [{ args: (name) => ["start", name], fault: "start.launched" }],
    args: () => ["ps"],
    outcome: stateOf,
    points: { "reconcile.found": "running", "transaction.written": "running", "reconcile.done": "running" },
    again: livesAgain,
  },
  "going on with a removal": {
    prepare: createSleeper,
    before: [{ args: (name) => ["rm", name], fault: "sweep.cgroup" }],
    args: () => ["ps"],
    outcome: stateOf,
    points: { "sweep.snapshot": "absent", "trash.renamed": "absent" },
    again: createSleeper,
  },
};

/** An image that is like no other. */
function archiveOf(name: string): Uint8Array {
  const layers = ["one", "two"].map((each) => tarOf([[`${name}-${each}`, `${name} ${each}`]]));
  return tarOf(dockerArchiveMembers([{ layers, names: [`${name}:latest`], config: { Cmd: ["/none"] } }]));
}

const bulkBytes = 200_000;

/** Of one layer that is worth dropping. */
function bulkArchiveOf(name: string): Uint8Array {
  const layers = [tarOf([[`${name}-bulk`, Buffer.alloc(bulkBytes, name)]])];
  return tarOf(dockerArchiveMembers([{ layers, names: [`${name}:latest`], config: { Cmd: ["/none"] } }]));
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

export async function load({ engine, name }: FaultContext): Promise<void> {
  for await (const progress of engine.images.load(whole(archiveOf(name)))) void progress;
}

async function imageOf({ engine, name }: FaultContext): Promise<string> {
  try {
    const { layers } = await engine.images.inspect(name);
    return `${layers.length} layers`;
  } catch (thrown) {
    if (kindOf(thrown) === "not-found") return "absent";
    throw thrown;
  }
}

/** A container can be made of it; then all of it can be removed. */
export async function removeImage(context: FaultContext): Promise<void> {
  const { engine, name } = context;
  const { id } = await engine.containers.create({ image: name, process: { command: ["/none"] } });
  await engine.containers.remove(id);
  await engine.settle();
  await engine.images.remove(name);
}

async function loadAgain(context: FaultContext): Promise<void> {
  await load(context);
  await removeImage(context);
}

export const imageOperations: Readonly<Record<string, FaultOperation>> = {
  load: {
    args: () => ["load"],
    input: archiveOf,
    outcome: imageOf,
    points: {
      "layer.synced": "absent",
      "layer.named": "absent",
      "blob.synced": "absent",
      "blob.named": "absent",
      "images.stored": "absent",
      "transaction.written": "absent",
      "image.recorded": "2 layers",
    },
    again: loadAgain,
  },
  import: {
    args: (name) => ["import", "-", name],
    input: (name) => tarOf([[`${name}-imported`, name]]),
    outcome: imageOf,
    points: {
      "layer.synced": "absent",
      "layer.named": "absent",
      "blob.named": "absent",
      "images.stored": "absent",
      "image.recorded": "1 layers",
    },
    again: async (context) => {
      const { engine, name } = context;
      await engine.images.import(whole(tarOf([[`${name}-imported`, name]])), { reference: name });
      await removeImage(context);
    },
  },
  commit: {
    prepare: async (context) => {
      await runSleeper(context);
      await context.tare.must(["exec", context.name, "touch", `/${context.name}`]);
    },
    args: (name) => ["commit", name, `${name}:latest`],
    outcome: async (context) => `${await imageOf(context)}, ${await stateOf(context)}`,
    points: {
      "commit.intended": "absent, running",
      "commit.frozen": "absent, running",
      "commit.packed": "absent, running",
      "layer.synced": "absent, running",
      "layer.named": "absent, running",
      "blob.synced": "absent, running",
      "blob.named": "absent, running",
      "transaction.written": "absent, running",
      "image.recorded": "2 layers, running",
    },
    again: async (context) => {
      const { engine, name } = context;
      await livesAgain(context);
      await engine.containers.commit(name, { reference: name });
      await engine.containers.remove(name);
      await removeImage(context);
    },
  },
  "removal of an image": {
    prepare: load,
    args: (name) => ["rmi", name],
    outcome: imageOf,
    points: {
      "transaction.written": "2 layers",
      "image.forgotten": "absent",
      "trash.renamed": "absent",
      "garbage.layer": "absent",
      "garbage.blob": "absent",
    },
    again: async (context, outcome) => {
      if (outcome !== "absent") await context.engine.images.remove(context.name);
      await loadAgain(context);
    },
  },
  "end of one that takes its image along": {
    prepare: async (context) => {
      const { engine, name } = context;
      await createSleeper(context);
      await engine.containers.commit(name, { reference: name });
      await engine.containers.remove(name);
      const command = ["sh", "-c", "exit 4"];
      await engine.containers.create({
        image: name,
        name,
        process: { command },
        lifecycle: { autoRemove: true, removeImage: true },
      });
    },
    args: (name) => ["start", name],
    outcome: async (context) => `${await imageOf(context)}, ${await stateOf(context)}`,
    points: {
      "end.noticed": "absent, absent",
      "remove.recorded": "absent, absent",
      "image.forgotten": "absent, absent",
      "sweep.cgroup": "absent, absent",
      "sweep.data": "absent, absent",
    },
    again: createSleeper,
  },
  // The last: the data root remembers the policy.
  "dropping of a blob": {
    args: () => ["--blob-policy", "rebuild", "load"],
    input: bulkArchiveOf,
    outcome: imageOf,
    points: {
      // The first is the blob of an image that was there before, and the policy new.
      "absent.synced": ["1 layers", "absent"],
      "absent.named": ["1 layers", "absent"],
      "blob.dropped": ["1 layers", "absent"],
    },
    again: async (context, outcome) => {
      const { engine, name } = context;
      if (outcome === "absent") {
        for await (const progress of engine.images.load(whole(bulkArchiveOf(name)))) void progress;
      }
      await engine.settle();
      // The next engine has dropped it, and gives it all the same.
      const { rebuildable } = await engine.storeUsage();
      expect(rebuildable.count).toBeGreaterThan(0);
      let bytes = 0;
      for await (const piece of engine.images.save([name])) bytes += piece.length;
      expect(bytes).toBeGreaterThan(bulkBytes);
      expect(await engine.check({ verify: true })).toEqual([]);
      await removeImage(context);
    },
  },
};
