/** Operations on pods, and what has to be found when the engine has died in them. */
import { kindOf } from "../../src/base/failure.ts";
import type { FaultOperation, FaultContext } from "./fault-run.ts";

const podOf = (name: string): string => `${name}-pod`;

/** Its state, and how many containers are in it; with that of the members where they are alike. */
async function outcome({ engine, name }: FaultContext): Promise<string> {
  try {
    const { state, containers } = await engine.pods.inspect(podOf(name));
    return `${state} ${containers.length}`;
  } catch (thrown) {
    if (kindOf(thrown) === "not-found") return "absent";
    throw thrown;
  }
}

async function makePod({ engine, name }: FaultContext): Promise<void> {
  await engine.pods.create({ name: podOf(name) });
  for (const each of ["one", "two"]) {
    const command = ["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];
    await engine.containers.create({
      image: "busybox",
      name: `${name}-${each}`,
      pod: podOf(name),
      process: { command },
    });
  }
}

async function runPod(context: FaultContext): Promise<void> {
  await makePod(context);
  await context.engine.pods.start(podOf(context.name));
}

/** All that can be done with it can be done still, and it can be made anew. */
async function worksAgain(context: FaultContext): Promise<void> {
  const { engine, name } = context;
  if ((await outcome(context)) === "absent") await engine.pods.create({ name: podOf(name) });
  await engine.pods.restart(podOf(name), { graceMs: 0 });
  if (!(await outcome(context)).startsWith("running ")) throw new Error(`it is ${await outcome(context)}`);
  await engine.pods.remove(podOf(name), { force: true });
  await makePod(context);
  await engine.pods.remove(podOf(name));
}

export const podOperations: Readonly<Record<string, FaultOperation>> = {
  "pod create": {
    args: (name) => ["pod", "create", "--publish", "80", podOf(name)],
    outcome,
    points: { "create.intended": "absent", "create.snapshot": "absent", "create.recorded": "created 1" },
    again: worksAgain,
  },
  "create in a pod": {
    prepare: makePod,
    args: (name) => ["create", "--name", name, "--pod", podOf(name), "busybox", "sleep", "1000"],
    outcome,
    points: { "create.snapshot": "created 3", "create.recorded": "created 4" },
    again: worksAgain,
  },
  "run in a new pod": {
    args: (name) => ["run", "-d", "--name", name, "--pod", `new:${podOf(name)}`, "busybox", "sleep", "1000"],
    outcome,
    points: {
      "create.intended": "absent",
      "create.recorded": "created 1",
      "start.launched": "degraded 2",
      "start.recorded": "degraded 2",
    },
    again: worksAgain,
  },
  "pod start": {
    prepare: makePod,
    args: (name) => ["pod", "start", podOf(name)],
    outcome,
    points: { "start.cgroup": "stopped 3", "pod.infra-started": "degraded 3" },
    again: worksAgain,
  },
  "pod stop": {
    prepare: runPod,
    args: (name) => ["pod", "stop", podOf(name)],
    outcome,
    points: { "pod.members-stopped": "degraded 3" },
    again: worksAgain,
  },
  "pod rm": {
    prepare: makePod,
    args: (name) => ["pod", "rm", podOf(name)],
    outcome,
    points: {
      "remove.recorded": ["created 1", "created 2"],
      "pod.member-removed": ["created 1", "created 2"],
      "sweep.snapshot": ["created 1", "created 2", "absent"],
    },
    again: worksAgain,
  },
  "pod rm by force": {
    prepare: runPod,
    args: (name) => ["pod", "rm", "--force", podOf(name)],
    outcome,
    points: { "end.recorded": "degraded 3", "pod.member-removed": ["running 1", "running 2", "degraded 2"] },
    again: worksAgain,
  },
};
