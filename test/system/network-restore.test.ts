import { afterAll, beforeAll, expect, test } from "bun:test";
import type { NetworkFinding } from "../../src/network/networks.ts";
import type { NetworkPlan } from "../../src/network/types.ts";
import { bridgePlan, endpointPlan, ports } from "../support/network-plans.ts";
import { openWorld, type TestNamespace, type World } from "../support/network-world.ts";
import { poll } from "../support/patience.ts";

let world: World;
let web: TestNamespace;
let friend: TestNamespace;
let lonely: TestNamespace;
let shy: TestNamespace;

/** Each test has networks of its own, so that none is restored too often. */
const names = ["flushed", "downed", "deleted", "routeless", "unplugged", "closed"] as const;
const plans = new Map<string, NetworkPlan>(names.map((name, at) => [name, bridgePlan(name, at + 1)]));
const planOf = (name: (typeof names)[number]): NetworkPlan => plans.get(name) as NetworkPlan;
const isolating = bridgePlan("isolating", 20, { interContainer: false });

beforeAll(async () => {
  world = await openWorld();
  [web, friend, lonely, shy] = await Promise.all([
    world.add("web"),
    world.add("friend"),
    world.add("lonely"),
    world.add("shy"),
  ]);
  await world.host.call("open", { dataRoot: world.dataRoot });
  for (const [at, plan] of [...plans.values()].entries()) {
    await world.host.call("ensure", plan);
    const published = ports(`tcp ${8100 + at}:80`, `udp ${8100 + at}:80`);
    const end = { interfaceName: `eth${at}`, defaultGateways: [] };
    await world.host.call("attach", endpointPlan(plan, 2, { ...end, ports: published }), web.path);
    await world.host.call("attach", endpointPlan(plan, 3, end), friend.path);
  }
  await world.host.call("ensure", isolating);
  await world.host.call("attach", endpointPlan(isolating, 2), lonely.path);
  await world.host.call("attach", endpointPlan(isolating, 3), shy.path);
  for (const protocol of ["tcp", "udp"] as const) {
    await web.listen(protocol, 80, "web");
    await lonely.listen(protocol, 80, "lonely");
  }
});
afterAll(async () => await world[Symbol.asyncDispose]());

const notesOf = async (plan: NetworkPlan): Promise<readonly string[]> =>
  (await world.host.call<string[]>("notes")).filter((note) =>
    note.startsWith(`the bridge ${plan.interfaceName} of network ${plan.name} `),
  );
const findingsOf = async (plan: NetworkPlan): Promise<readonly NetworkFinding[]> =>
  (await world.host.call<NetworkFinding[]>("findings")).filter(({ subject }) => subject.includes(plan.name));
const restored = async (plan: NetworkPlan, times: number): Promise<true> =>
  await poll(
    async () =>
      (await notesOf(plan)).filter((note) => note.endsWith("it has been restored")).length === times
        ? true
        : undefined,
    { everyMs: 20, timeoutMs: 20_000, what: `see the bridge of ${plan.name} restored` },
  );
const expectTraffic = async (plan: NetworkPlan): Promise<void> => {
  const number = [...plans.keys()].indexOf(plan.name) + 1;
  // The first packets to a port that is new to its bridge may be lost. The container knows its networks alone, so it is asked from there.
  for (const [place, protocol, address, port, answer] of [
    [world.host, "tcp", `172.30.${number}.2`, 80, `web 172.30.${number}.1`],
    [world.host, "tcp", `fd00:30:${number}::2`, 80, `web fd00:30:${number}::1`],
    [world.host, "tcp", `172.30.${number}.1`, 8099 + number, `web 172.30.${number}.1`],
    [world.host, "udp", `172.30.${number}.1`, 8099 + number, `web 172.30.${number}.1`],
    [friend, "tcp", `172.30.${number}.2`, 80, `web 172.30.${number}.3`],
    // Hairpin: from the container to itself, by the host's address.
    [web, "tcp", `172.30.${number}.1`, 8099 + number, `web 172.30.${number}.1`],
  ] as const) {
    await poll(async () => ((await place.probe(protocol, address, port)) === answer ? true : undefined), {
      everyMs: 20,
      timeoutMs: 20_000,
      what: `reach ${address} ${port} by ${protocol} in ${plan.name}`,
    });
  }
  expect(await findingsOf(plan)).toEqual([]);
};

test("a bridge of which nobody changed anything is not restored, whatever containers come and go", async () => {
  const plan = planOf("flushed");
  const late = endpointPlan(plan, 9, { interfaceName: "late0" });
  await world.host.call("attach", late, world.addBare("late"));
  await world.host.call("setPorts", late.id, ports("tcp 8190:80"));
  await world.host.call("disconnect", late, `/run/netns/${world.host.name.replace(/host$/, "late")}`);
  const more = bridgePlan("more", 30);
  await world.host.call("ensure", more);
  await world.host.call("remove", more);
  await expectTraffic(plan);
  expect((await world.host.call<string[]>("notes")).filter((note) => note.includes("bridge"))).toEqual([]);
});

test("a bridge has its addresses again after a flush", async () => {
  const plan = planOf("flushed");
  world.host.run("ip", "addr", "flush", "dev", plan.interfaceName);
  await restored(plan, 1);
  await expectTraffic(plan);
  expect((await notesOf(plan))[0]).toContain("lacks the address 172.30.1.1/24");
});

test("a bridge that was set down is up again", async () => {
  const plan = planOf("downed");
  world.host.run("ip", "link", "set", plan.interfaceName, "down");
  await restored(plan, 1);
  await expectTraffic(plan);
  expect((await notesOf(plan))[0]).toContain(`its interface ${plan.interfaceName} is down`);
});

test("a bridge that was deleted is made again, with the containers' ends on it", async () => {
  const plan = planOf("deleted");
  world.host.run("ip", "link", "delete", plan.interfaceName);
  await restored(plan, 1);
  await expectTraffic(plan);
  // A start that comes before the event is read restores it, too.
  world.host.run("ip", "link", "delete", plan.interfaceName);
  await world.host.call("attach", endpointPlan(plan, 4), world.addBare("next"));
  await expectTraffic(plan);
  expect((await notesOf(plan)).length).toBe(2);
});

test("a bridge that was made again keeps its containers apart where they were before", async () => {
  expect(await world.host.probe("tcp", "172.30.20.2", 80)).toBe("lonely 172.30.20.1");
  expect(await shy.probe("tcp", "172.30.20.2", 80)).not.toContain("lonely");
  world.host.run("ip", "link", "delete", isolating.interfaceName);
  await restored(isolating, 1);
  await poll(
    async () =>
      (await world.host.probe("tcp", "172.30.20.2", 80)) === "lonely 172.30.20.1" ? true : undefined,
    { everyMs: 20, timeoutMs: 20_000, what: "reach the container again" },
  );
  expect(await shy.probe("tcp", "172.30.20.2", 80)).not.toContain("lonely");
  const settings = world.host.run("ip", "-d", "-o", "link", "show", "master", isolating.interfaceName);
  expect(settings.match(/isolated on/g)).toHaveLength(2);
  expect(settings.match(/hairpin on/g)).toHaveLength(2);
});

test("routes to the subnets are made again", async () => {
  const plan = planOf("routeless");
  world.host.run("ip", "route", "del", "172.30.4.0/24", "dev", plan.interfaceName);
  world.host.run("ip", "-6", "route", "del", "fd00:30:4::/64", "dev", plan.interfaceName);
  await poll(async () => ((await notesOf(plan)).length > 0 ? true : undefined), {
    everyMs: 20,
    timeoutMs: 20_000,
    what: "see the routes made again",
  });
  await expectTraffic(plan);
  expect((await notesOf(plan))[0]).toContain("no route leads to 172.30.4.0/24");
  expect(world.host.run("ip", "route", "show", "172.30.4.0/24")).toContain(
    "proto kernel scope link src 172.30.4.1",
  );
});

test("a container's end that was taken off the bridge, or set down, is put back", async () => {
  const plan = planOf("unplugged");
  const link = world.host.run("ip", "-o", "link", "show", "master", plan.interfaceName);
  const [first = "", second = ""] = [...link.matchAll(/^\d+: ([^@:]+)/gm)].map(([, name]) => name);
  world.host.run("ip", "link", "set", first, "nomaster");
  await restored(plan, 1);
  await expectTraffic(plan);
  world.host.run("ip", "link", "set", second, "down");
  await restored(plan, 2);
  await expectTraffic(plan);
});

test("a bridge is restored three times within a minute, then it is reported", async () => {
  const plan = planOf("closed");
  for (const times of [1, 2, 3]) {
    world.host.run("ip", "addr", "flush", "dev", plan.interfaceName);
    await restored(plan, times);
  }
  world.host.run("ip", "addr", "flush", "dev", plan.interfaceName);
  world.host.run("ip", "link", "set", plan.interfaceName, "down");
  const last = await poll(
    async () => (await notesOf(plan)).find((note) => note.includes("is now left as it is")),
    { everyMs: 20, timeoutMs: 20_000, what: "see it reported" },
  );
  expect(last).toContain("it was restored 3 times within a minute");
  const found = await findingsOf(plan);
  expect(found.map(({ problem }) => problem)).toEqual([
    `its interface ${plan.interfaceName} is down`,
    `its interface ${plan.interfaceName} lacks the address 172.30.6.1/24`,
    `its interface ${plan.interfaceName} lacks the address fd00:30:6::1/64`,
  ]);
  expect(found[0]?.advice).toContain("stop the program that changes it");
  // Others are not affected.
  await expectTraffic(planOf("flushed"));
  expect((await notesOf(plan)).filter((note) => note.includes("left as it is"))).toHaveLength(1);
});
