import { afterAll, beforeAll, expect, test } from "bun:test";
import type { NetworkFinding } from "../../src/network/networks.ts";
import { bridgePlan, endpointPlan, ports } from "../support/network-plans.ts";
import { openWorld, type TestNamespace, type World } from "../support/network-world.ts";

let world: World;
const plans = Array.from({ length: 20 }, (_, at) => bridgePlan(`many${at}`, 40 + at));
const containers: string[] = [];

beforeAll(async () => {
  world = await openWorld();
  await world.host.call("open", { dataRoot: world.dataRoot });
  for (let at = 0; at < 100; at++) containers.push(world.addBare(`c${at}`));
});

afterAll(async () => await world[Symbol.asyncDispose]());

const ends = Array.from({ length: 100 }, (_, at) => {
  const plan = plans[at % plans.length] as (typeof plans)[number];
  return endpointPlan(plan, 2 + Math.floor(at / plans.length), {
    ports: ports(`tcp ${10_000 + at * 10}+10:80`, `udp ${20_000 + at}:53`),
  });
});

function left(host: TestNamespace): readonly string[] {
  const links = host.run("ip", "-br", "link").match(/^t[rv]\S*/gm) ?? [];
  const tables = host.run("nft", "list", "tables").match(/tare-\S+/g) ?? [];
  return [...links, ...tables];
}

test("20 networks and 100 containers at once, in and out: no clash, nothing left", async () => {
  const { host } = world;
  await Promise.all(plans.map(async (plan) => await host.call("ensure", plan)));
  await Promise.all(ends.map(async (end, at) => await host.call("attach", end, containers[at])));
  expect(await host.call<NetworkFinding[]>("findings")).toEqual([]);
  expect(left(host).filter((name) => name.startsWith("tv"))).toHaveLength(100);
  await Promise.all(ends.map(async (end, at) => await host.call("disconnect", end, containers[at])));
  await Promise.all(plans.map(async (plan) => await host.call("remove", plan)));
  expect(await host.call<NetworkFinding[]>("findings")).toEqual([]);
  await host.call("reconcile", { networks: [], endpoints: [] });
  expect(left(host)).toEqual([]);
});

test("after a kill -9 at any moment nothing stays that the records don't know, and what they know is whole", async () => {
  for (let round = 0; round < 5; round++) {
    const host = world.host;
    const [one, other] = [plans[round], plans[round + 1]] as [(typeof plans)[0], (typeof plans)[0]];
    const mine = ends.filter(({ networkId }) => networkId === one.id || networkId === other.id).slice(0, 6);
    await host.call("ensure", one);
    const work = [
      host.call("ensure", other),
      ...mine.map(async (end) => await host.call("attach", end, containers[ends.indexOf(end)])),
      ...mine.map(async (end) => await host.call("setPorts", end.id, [])),
      ...mine.map(async (end) => await host.call("detach", end.id)),
      host.call("remove", other),
    ];
    for (const each of work) each.catch(() => undefined);
    await Bun.sleep(round * 7);
    const next = await world.reopenHost();
    await next.call("open", { dataRoot: world.dataRoot });
    await next.call("reconcile", { networks: [one], endpoints: [] });
    expect(await next.call<NetworkFinding[]>("findings")).toEqual([]);
    expect(left(next).filter((name) => name.startsWith("t"))).toEqual([
      one.interfaceName,
      expect.stringMatching(/^tare-/),
    ]);
    await next.call("reconcile", { networks: [], endpoints: [] });
    expect(left(next)).toEqual([]);
  }
});
