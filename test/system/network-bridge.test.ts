import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { poll } from "../../src/base/deadline.ts";
import { bridgePlan, endpointPlan, ports } from "../support/network-plans.ts";
import { openWorld, type Place, type World } from "../support/network-world.ts";

let world: World;
let web: Place;
let friend: Place;
let stranger: Place;
const front = bridgePlan("front", 1);
const back = bridgePlan("back", 2);
const published = ports(
  "tcp 8080:80",
  "udp 8080:80",
  "tcp 9000+1000:9000",
  "tcp 127.0.0.1:7000:80",
  "tcp 10.9.0.1:7001:80",
  "tcp 7002+3:79",
);

beforeAll(async () => {
  world = await openWorld();
  [web, friend, stranger] = await Promise.all([world.add("web"), world.add("friend"), world.add("stranger")]);
  await world.host.call("open", { dataRoot: mkdtempSync(join(tmpdir(), "tare-net-")) });
  await world.host.call("ensure", front);
  await world.host.call("ensure", back);
  await world.host.call("attach", endpointPlan(front, 2, { ports: published }), web.path);
  await world.host.call("attach", endpointPlan(front, 3), friend.path);
  await world.host.call("attach", endpointPlan(back, 2), stranger.path);
  for (const protocol of ["tcp", "udp"] as const) {
    for (const port of [79, 80, 81, 9000, 9999]) await web.listen(protocol, port, `web${port}`);
    await friend.listen(protocol, 80, "friend");
    await world.other.listen(protocol, 80, "other");
  }
});

afterAll(async () => await world[Symbol.asyncDispose]());

const who = (name: string): Place =>
  ({ host: world.host, other: world.other, web, friend, stranger })[name] as Place;

/** from, protocol, address, port → answer, with the address that the server saw. */
const table: readonly (readonly [string, "tcp" | "udp", string, number, string])[] = [
  // By the host's addresses.
  ["other", "tcp", "10.9.0.1", 8080, "web80 10.9.0.2"],
  ["other", "udp", "10.9.0.1", 8080, "web80 10.9.0.2"],
  ["other", "tcp", "fd09::1", 8080, "web80 fd09::2"],
  ["other", "udp", "fd09::1", 8080, "web80 fd09::2"],
  ["other", "tcp", "10.9.0.1", 9000, "web9000 10.9.0.2"],
  ["other", "tcp", "10.9.0.1", 9999, "web9999 10.9.0.2"],
  ["other", "tcp", "10.9.0.1", 7001, "web80 10.9.0.2"],
  ["other", "tcp", "10.9.0.1", 7002, "web79 10.9.0.2"],
  ["other", "tcp", "10.9.0.1", 7004, "web81 10.9.0.2"],
  ["other", "tcp", "10.9.0.1", 7000, "refused"],
  ["other", "tcp", "10.9.0.1", 10000, "refused"],
  ["other", "udp", "10.9.0.1", 9000, "refused"],
  // From the host itself.
  ["host", "tcp", "127.0.0.1", 8080, "web80 172.30.1.1"],
  ["host", "udp", "127.0.0.1", 8080, "web80 172.30.1.1"],
  ["host", "tcp", "127.0.0.9", 8080, "web80 172.30.1.1"],
  ["host", "tcp", "127.0.0.1", 7000, "web80 172.30.1.1"],
  ["host", "tcp", "127.0.0.9", 7000, "refused"],
  ["host", "tcp", "127.0.0.1", 7001, "refused"],
  ["host", "tcp", "127.0.0.1", 9500, "refused"],
  ["host", "tcp", "127.0.0.1", 9999, "web9999 172.30.1.1"],
  ["host", "tcp", "::1", 8080, "web80 fd00:30:1::1"],
  ["host", "udp", "::1", 8080, "web80 fd00:30:1::1"],
  ["host", "tcp", "10.9.0.1", 8080, "web80 10.9.0.1"],
  ["host", "tcp", "fd09::1", 8080, "web80 fd09::1"],
  ["host", "tcp", "172.30.1.2", 80, "web80 172.30.1.1"],
  // From itself and its siblings, by the host's addresses and by its own.
  ["web", "tcp", "10.9.0.1", 8080, "web80 172.30.1.1"],
  ["web", "udp", "172.30.1.1", 8080, "web80 172.30.1.1"],
  ["web", "tcp", "fd09::1", 8080, "web80 fd00:30:1::1"],
  ["friend", "tcp", "10.9.0.1", 8080, "web80 172.30.1.1"],
  ["friend", "tcp", "172.30.1.2", 80, "web80 172.30.1.3"],
  ["web", "udp", "fd00:30:1::3", 80, "friend fd00:30:1::2"],
  // From another network: what is published, nothing else.
  ["stranger", "tcp", "10.9.0.1", 8080, "web80 172.30.2.2"],
  ["stranger", "tcp", "172.30.1.2", 80, "silent"],
  ["stranger", "udp", "172.30.1.2", 80, "silent"],
  ["stranger", "tcp", "fd00:30:1::2", 80, "silent"],
  ["stranger", "tcp", "172.30.1.1", 7000, "refused"],
  // From the link, by the container's own address.
  ["other", "tcp", "172.30.1.2", 80, "silent"],
  ["other", "udp", "172.30.1.2", 80, "silent"],
  ["other", "tcp", "fd00:30:1::2", 80, "silent"],
  // Out.
  ["web", "tcp", "10.9.0.2", 80, "other 10.9.0.1"],
  ["web", "udp", "10.9.0.2", 80, "other 10.9.0.1"],
  ["web", "tcp", "fd09::2", 80, "other fd09::1"],
];

for (const [from, protocol, address, port, answer] of table) {
  test(`bridge network: ${from} → ${protocol} ${address} ${port}: ${answer}`, async () => {
    expect(await who(from).probe(protocol, address, port)).toBe(answer);
  });
}

test("a port on 127.0.0.1 can't be reached from the link, whatever the neighbour and a careless host do", async () => {
  // The neighbour sends packets to 127.0.0.1 over the link, and the host does not drop them as impossible.
  world.host.run("sysctl", "-qw", "net.ipv4.conf.lan.route_localnet=1", "net.ipv4.conf.all.rp_filter=0");
  world.other.run(
    "sysctl",
    "-qw",
    "net.ipv4.conf.all.route_localnet=1",
    "net.ipv4.conf.eth0.route_localnet=1",
  );
  world.other.run("ip", "addr", "del", "127.0.0.1/8", "dev", "lo");
  world.other.run("ip", "route", "add", "127.0.0.1", "via", "10.9.0.1", "dev", "eth0", "src", "10.9.0.2");
  try {
    await world.host.listen("tcp", 9099, "host");
    // It does get through to the host's own services: the attack is a real one.
    expect(await world.other.probe("tcp", "127.0.0.1", 9099)).toBe("host 10.9.0.2");
    expect(await world.other.probe("tcp", "127.0.0.1", 7000)).toBe("refused");
    expect(await world.other.probe("tcp", "127.0.0.1", 8080)).toBe("refused");
    expect(await world.host.probe("tcp", "127.0.0.1", 7000)).toBe("web80 172.30.1.1");
  } finally {
    world.other.run("ip", "addr", "add", "127.0.0.1/8", "dev", "lo");
  }
});

test("openNetworks() makes the firewall whole again when somebody flushes it", async () => {
  for (const command of ["flush ruleset", "flush chain inet TABLE forward", "flush set inet TABLE bridges"]) {
    const name = /table inet (tare-\w+)/.exec(world.host.run("nft", "list", "tables"))?.[1] as string;
    const before = (await world.host.call<string[]>("notes")).filter((note) =>
      note.includes("made whole"),
    ).length;
    world.host.nft(command.replace("TABLE", name));
    const told = async (): Promise<true | undefined> =>
      (await world.host.call<string[]>("notes")).filter((note) => note.includes("made whole")).length > before
        ? true
        : undefined;
    await poll(told, { everyMs: 20, timeoutMs: 20_000, what: "see the table made whole again" });
    expect(await world.other.probe("tcp", "10.9.0.1", 8080)).toBe("web80 10.9.0.2");
    expect(await stranger.probe("tcp", "172.30.1.2", 80)).toBe("silent");
  }
  const notes = await world.host.call<string[]>("notes");
  expect(
    notes.filter((note) => /was changed by nft \(process \d+\) and has been made whole again/.test(note)),
  ).toHaveLength(3);
});
