/** Operations on networks, and what has to be found when the engine has died in them. */
import { execFileSync } from "node:child_process";
import type { FaultOperation, FaultContext } from "./fault-run.ts";
import { stateOf } from "./fault-run.ts";

const sleeper = ["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];

async function isThere({ engine, name }: FaultContext): Promise<string> {
  const found = await engine.networks.list({ filters: { name: [`^${name}-net$`] } });
  const bridges = execFileSync("ip", ["-o", "link", "show", "type", "bridge"]).toString();
  const [network] = found;
  if (network === undefined) return "absent";
  return bridges.includes(network.id.slice(0, 12)) ? "there" : "recorded only";
}

async function prepareNetwork({ engine, name }: FaultContext): Promise<void> {
  await engine.networks.create({ name: `${name}-net` });
}

async function runIn(context: FaultContext, options: { readonly joins: boolean }): Promise<void> {
  const { engine, name } = context;
  await prepareNetwork(context);
  await engine.containers.create({
    image: "busybox",
    name,
    process: { command: sleeper },
    network: { ports: [{ containerPort: 80, hostPort: 18_080 }] },
  });
  await engine.containers.start(name);
  if (options.joins) await engine.networks.connect(`${name}-net`, name);
}

/** The interfaces that the container has, and the ports that are published. */
async function reach({ engine, tare, name }: FaultContext): Promise<string> {
  const links = await tare.must(["exec", name, "ls", "/sys/class/net"]);
  const { ports } = await engine.containers.inspect(name);
  // Each is published for both families of addresses.
  const shown = [...new Set(ports.map(({ hostPort, containerPort }) => `${hostPort}:${containerPort}`))].join(
    ",",
  );
  return `${links
    .split(/\s+/)
    .filter((link) => link !== "lo")
    .join(",")} ${shown}`;
}

async function cleanUp({ engine, name }: FaultContext): Promise<void> {
  await engine.containers.remove(name, { force: true });
  await engine.settle();
  await engine.networks.remove(`${name}-net`);
}

export const networkOperations: Readonly<Record<string, FaultOperation>> = {
  "network create": {
    args: (name) => ["network", "create", `${name}-net`],
    outcome: isThere,
    points: { "network.intended": "absent", "network.made": "absent", "network.recorded": "there" },
    again: async (context, outcome) => {
      if (outcome === "absent") await prepareNetwork(context);
      await context.engine.networks.remove(`${context.name}-net`);
    },
  },
  "network rm": {
    prepare: prepareNetwork,
    args: (name) => ["network", "rm", `${name}-net`],
    outcome: isThere,
    points: { "network.forgotten": "absent", "network.removed": "absent" },
    again: async (context) => {
      await prepareNetwork(context);
      await context.engine.networks.remove(`${context.name}-net`);
    },
  },
  "start in a network": {
    prepare: async ({ engine, name }) => {
      const ports = [{ containerPort: 80, hostPort: 18_081 }];
      await engine.containers.create({
        image: "busybox",
        name,
        process: { command: sleeper },
        network: { ports },
      });
    },
    args: (name) => ["start", name],
    outcome: stateOf,
    points: { "start.attached": ["exited 125", "running"] },
    again: async ({ engine, name }, outcome) => {
      if (outcome !== "running") await engine.containers.start(name);
    },
  },
  "end in a network": {
    prepare: async ({ engine, name }) => {
      const ports = [{ containerPort: 80, hostPort: 18_082 }];
      await engine.containers.create({
        image: "busybox",
        name,
        process: { command: sleeper },
        network: { ports },
      });
      await engine.containers.start(name);
    },
    args: (name) => ["stop", name],
    outcome: stateOf,
    points: { "end.recorded": "exited 3", "end.detached": "exited 3" },
    again: async ({ engine, name }) => void (await engine.containers.start(name)),
  },
  "network connect": {
    prepare: (context) => runIn(context, { joins: false }),
    args: (name) => ["network", "connect", `${name}-net`, name],
    outcome: reach,
    points: {
      "connect.intended": "eth0 18080:80",
      "connect.attached": "eth0 18080:80",
      "connect.recorded": "eth0,eth1 18080:80",
    },
    again: async (context, outcome) => {
      if (!outcome.includes("eth1"))
        await context.engine.networks.connect(`${context.name}-net`, context.name);
      await cleanUp(context);
    },
  },
  "network disconnect": {
    prepare: (context) => runIn(context, { joins: true }),
    args: (name) => ["network", "disconnect", `${name}-net`, name],
    outcome: reach,
    points: {
      "disconnect.intended": "eth0 18080:80",
      "disconnect.detached": "eth0 18080:80",
      "disconnect.recorded": "eth0 18080:80",
    },
    again: async (context) => {
      await context.engine.networks.connect(`${context.name}-net`, context.name);
      await cleanUp(context);
    },
  },
  "update of ports": {
    prepare: (context) => runIn(context, { joins: false }),
    args: (name) => ["update", "--publish-add", "18083:81", "--publish-rm", "18080", name],
    outcome: reach,
    points: { "publish.applied": "eth0 18080:80", "publish.recorded": "eth0 18083:81" },
    again: async (context) => await cleanUp(context),
  },
};
