/** A start that takes every step there is: namespaces of all kinds, mounted volumes, cgroups above its own. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type FaultOperation, type FaultContext, stateOf } from "./fault-run.ts";

const neverStarted = "exited 125";
const top = `tare-fault-parent-${process.pid}`;

/** Features that older kernels lack: without them the other paths are taken. */
const older =
  "lowerdir+,detached-lowers,detached-composition,memfd-exec,pidfd-namespaces,clone-into-cgroup,cgroup.kill";

async function createIsolated({ tare, name }: FaultContext): Promise<void> {
  await tare.must(["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", `${name}-volume`]);
  const isolation = `--userns private --cgroup-parent /${top}/deep --ipc shareable --time-offset monotonic=1h`;
  const rest = `--init -m 64m -v ${name}-volume:/volume --security-opt explain-denials`;
  const script = "trap 'exit 3' TERM; while :; do sleep 0.05; done";
  const flags = `${isolation} ${rest}`.split(" ");
  await tare.must(["create", "--name", name, ...flags, "busybox", "sh", "-c", script]);
}

/** Of the cgroups above its own. */
function cgroupsAbove(): readonly string[] {
  const root = "/sys/fs/cgroup";
  return [root, ...readdirSync(root).map((name) => join(root, name))]
    .map((path) => join(path, top))
    .filter((path) => existsSync(path));
}

const isolated: FaultOperation = {
  prepare: createIsolated,
  args: (name) => ["start", name],
  outcome: async (context) => {
    const state = await stateOf(context);
    return state === "running" || cgroupsAbove().length === 0 ? state : `${state}, with cgroups left`;
  },
  points: {
    "start.volumes": neverStarted,
    "start.mounted": neverStarted,
    "helper.sent": neverStarted,
    "helper.waiting": neverStarted,
    "helper.taken": neverStarted,
    "cgroup.marking": neverStarted,
    "start.cgroup": neverStarted,
    "launch.spawned": neverStarted,
    "launch.planned": neverStarted,
    "launch.born": neverStarted,
    "launch.noted": [neverStarted, "running"],
    "launch.running": "running",
    "start.launched": "running",
  },
  again: async (context, outcome) => {
    const { tare, engine, name } = context;
    if (outcome !== "running") await engine.containers.start(name);
    await tare.must(["exec", name, "touch", "/volume/file"]);
    await engine.containers.stop(name);
    await engine.containers.remove(name);
    await engine.settle();
    if (cgroupsAbove().length > 0) throw new Error(`left: ${cgroupsAbove().join(" ")}`);
    await engine.volumes.remove(`${name}-volume`);
  },
};

export const isolatedOperations: Readonly<Record<string, FaultOperation>> = {
  "start of one with everything": isolated,
  "start of one with everything on an older kernel": { ...isolated, env: { TARE_WITHOUT: older } },
  "end of one with everything": {
    ...isolated,
    prepare: async (context) => {
      await createIsolated(context);
      await context.engine.containers.start(context.name);
    },
    args: (name) => ["stop", name],
    points: {
      "stop.signaled": ["running", "exited 3"],
      "end.recorded": "exited 3",
      "end.emptied": "exited 3",
    },
  },
};
