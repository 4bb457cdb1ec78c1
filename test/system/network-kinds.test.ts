import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { NetworkFinding } from "../../src/network/networks.ts";
import type { EndpointPlan, NetworkPlan } from "../../src/network/types.ts";
import { parseIpAddress } from "../../src/spec/ip-address.ts";
import { bridgePlan, endpointPlan, ports } from "../support/network-plans.ts";
import { openWorld, type TestNamespace, type World } from "../support/network-world.ts";
import { poll } from "../support/patience.ts";
import type { NetworkId } from "../../src/model/ids.ts";
import { asId } from "../support/ids.ts";

let world: World;

beforeAll(async () => {
  world = await openWorld();
  await world.host.call("open", { dataRoot: world.dataRoot });
  await world.other.listen("tcp", 80, "other");
});

afterAll(async () => await world[Symbol.asyncDispose]());

const places = new Map<string, TestNamespace>();

/** A container in a network, listening on tcp and udp 80 and tcp 81. */
async function place(name: string, plan: NetworkPlan, endpoint: EndpointPlan): Promise<TestNamespace> {
  const made = await world.add(name);
  places.set(endpoint.id, made);
  await world.host.call("ensure", plan);
  await world.host.call("attach", endpoint, made.path);
  for (const [protocol, port] of [
    ["tcp", 80],
    ["udp", 80],
    ["tcp", 81],
  ] as const)
    await made.listen(protocol, port, name);
  return made;
}

async function clear(plan: NetworkPlan, ...endpoints: readonly EndpointPlan[]): Promise<void> {
  for (const endpoint of endpoints) {
    const made = places.get(endpoint.id);
    if (made === undefined) await world.host.call("detach", endpoint.id);
    else await world.host.call("disconnect", endpoint, made.path);
  }
  await world.host.call("remove", plan);
}

test("an internal network has no way out and none in, its containers have each other and the host has them", async () => {
  const plan = bridgePlan("inside", 10, { internal: true });
  const open = bridgePlan("beside", 11);
  const ends = [endpointPlan(plan, 2, { ports: ports("tcp 8110:80") }), endpointPlan(plan, 3)] as const;
  const one = await place("int1", plan, ends[0]);
  const two = await place("int2", plan, ends[1]);
  const far = endpointPlan(open, 2, { ports: ports("tcp 8111:80") });
  await place("beside", open, far);
  // Though somebody in it makes a route.
  one.run("ip", "route", "add", "default", "via", "172.30.10.1");
  expect(await one.probe("tcp", "172.30.10.3", 80)).toBe("int2 172.30.10.2");
  expect(await two.probe("udp", "fd00:30:10::2", 80)).toBe("int1 fd00:30:10::3");
  expect(await world.host.probe("tcp", "172.30.10.2", 80)).toBe("int1 172.30.10.1");
  expect(await one.probeBriefly("tcp", "10.9.0.2", 80)).toBe("silent");
  expect(await one.probeBriefly("tcp", "172.30.11.2", 80)).toBe("silent");
  expect(await one.probeBriefly("tcp", "10.9.0.1", 8111)).toBe("silent");
  expect(await world.other.probeBriefly("tcp", "172.30.10.2", 80)).toBe("silent");
  expect(await world.other.probe("tcp", "10.9.0.1", 8110)).toBe("refused");
  expect(await world.other.probe("tcp", "10.9.0.1", 8111)).toBe("beside 10.9.0.2");
  await clear(open, far);
  await clear(plan, ...ends);
});

test("with icc off, containers don't have each other, but the host and what is published stay", async () => {
  const plan = bridgePlan("apart", 12, { interContainer: false });
  const ends = [endpointPlan(plan, 2, { ports: ports("tcp 8112:80") }), endpointPlan(plan, 3)] as const;
  await place("apart1", plan, ends[0]);
  const two = await place("apart2", plan, ends[1]);
  expect(await two.probeBriefly("tcp", "172.30.12.2", 80)).toBe("silent");
  expect(await two.probeBriefly("udp", "172.30.12.2", 80)).toBe("silent");
  expect(await two.probeBriefly("tcp", "fd00:30:12::2", 80)).toBe("silent");
  expect(await two.probeBriefly("tcp", "10.9.0.1", 8112)).toBe("silent");
  expect(await two.probe("tcp", "10.9.0.2", 80)).toBe("other 10.9.0.1");
  expect(await world.other.probe("tcp", "10.9.0.1", 8112)).toBe("apart1 10.9.0.2");
  expect(await world.host.probe("tcp", "172.30.12.2", 80)).toBe("apart1 172.30.12.1");
  await clear(plan, ...ends);
});

test("a network with IPv6 only has no IPv4, one without IPv6 has no IPv6", async () => {
  const both = bridgePlan("six", 13);
  const six = { ...both, ipv4: false, subnets: both.subnets.slice(1) };
  const four: NetworkPlan = {
    ...bridgePlan("four", 14),
    ipv6: false,
    subnets: bridgePlan("four", 14).subnets.slice(0, 1),
  };
  const ends = [
    endpointPlan(six, 2, { ports: ports("tcp 8113:80") }),
    endpointPlan(four, 2, { ports: ports("tcp 8114:80") }),
  ] as const;
  const one = await place("six1", six, ends[0]);
  const two = await place("four1", four, ends[1]);
  expect(await world.other.probe("tcp", "fd09::1", 8113)).toBe("six1 fd09::2");
  expect(await world.other.probe("tcp", "10.9.0.1", 8113)).toBe("refused");
  expect(await world.host.probe("tcp", "::1", 8113)).toBe("six1 fd00:30:13::1");
  expect(one.run("ip", "-4", "addr", "show", "eth0")).toBe("");
  expect(await world.other.probe("tcp", "10.9.0.1", 8114)).toBe("four1 10.9.0.2");
  expect(await world.other.probe("tcp", "fd09::1", 8114)).toBe("refused");
  expect(two.run("ip", "-6", "addr", "show", "eth0")).toBe("");
  expect(world.host.run("ip", "-6", "addr", "show", four.interfaceName)).toBe("");
  for (const made of [one, two])
    expect(made.run("cat", "/proc/sys/net/ipv6/conf/eth0/accept_ra")).toBe("0\n");
  await clear(six, ends[0]);
  await clear(four, ends[1]);
});

test("gateway modes say what the link reaches by containers' own addresses", async () => {
  const routed = bridgePlan("routed", 15, { gatewayMode4: "routed", gatewayMode6: "routed" });
  const bare = bridgePlan("bare", 16, { gatewayMode4: "nat-unprotected", gatewayMode6: "nat-unprotected" });
  const ends = [
    endpointPlan(routed, 2, { ports: ports("tcp 8115:80") }),
    endpointPlan(bare, 2, { ports: ports("tcp 8116:80") }),
  ] as const;
  const one = await place("routed1", routed, ends[0]);
  await place("bare1", bare, ends[1]);
  for (const address of ["172.30.15.2", "fd00:30:15::2"]) {
    expect(await world.other.probe("tcp", address, 80)).toStartWith("routed1");
    expect(await world.other.probeBriefly("tcp", address, 81)).toBe("silent");
    expect(world.other.run("ping", "-c1", "-W2", address)).toContain("1 received");
  }
  expect(await world.other.probe("tcp", "10.9.0.1", 8115)).toBe("refused");
  expect(await one.probe("tcp", "fd09::2", 80)).toBe("other fd00:30:15::2");
  expect(await world.other.probe("tcp", "172.30.16.2", 81)).toBe("bare1 10.9.0.2");
  expect(await world.other.probe("tcp", "10.9.0.1", 8116)).toBe("bare1 10.9.0.2");
  // Not even then from another network.
  expect(await one.probeBriefly("tcp", "172.30.16.2", 80)).toBe("silent");
  await clear(routed, ends[0]);
  await clear(bare, ends[1]);
});

test("isolated mode gives the bridge no address; without masquerade the container's own is seen; a source address can be named", async () => {
  const alone = bridgePlan("alone", 17, {
    gatewayMode4: "isolated",
    gatewayMode6: "isolated",
    internal: true,
  });
  const own = bridgePlan("own", 18, { masquerade: false });
  const named = bridgePlan("named", 19, { hostAddress4: parseIpAddress("10.9.0.7") });
  world.host.run("ip", "addr", "add", "10.9.0.7/24", "dev", "lan");
  const ends = [endpointPlan(alone, 2), endpointPlan(own, 2), endpointPlan(named, 2)] as const;
  await place("alone1", alone, ends[0]);
  const two = await place("own1", own, ends[1]);
  const three = await place("named1", named, ends[2]);
  expect(world.host.run("ip", "-4", "addr", "show", alone.interfaceName)).toBe("");
  expect(await two.probe("tcp", "10.9.0.2", 80)).toBe("other 172.30.18.2");
  expect(await three.probe("tcp", "10.9.0.2", 80)).toBe("other 10.9.0.7");
  await clear(alone, ends[0]);
  await clear(own, ends[1]);
  await clear(named, ends[2]);
});

test("attach() sets MTU, MAC address, parameters, link-local addresses and the interface's name", async () => {
  const plan = bridgePlan("details", 20, { mtu: 1400, interfaceName: "br-mine" });
  const end = endpointPlan(plan, 2, {
    interfaceName: "net.7",
    macAddress: "02:11:22:33:44:55",
    linkLocal: [parseIpAddress("169.254.7.7"), parseIpAddress("fe80::77")],
    sysctls: { "net.ipv4.conf.IFNAME.log_martians": "1", "net.ipv6.conf.IFNAME.hop_limit": "33" },
  });
  const made = await place("details", plan, end);
  const shown = made.run("ip", "addr", "show", "net.7");
  for (const text of ["mtu 1400", "02:11:22:33:44:55", "169.254.7.7/16", "fe80::77/64", "172.30.20.2/24"]) {
    expect(shown).toContain(text);
  }
  expect(
    made.run("cat", "/proc/sys/net/ipv4/conf/net.7/log_martians", "/proc/sys/net/ipv6/conf/net.7/hop_limit"),
  ).toBe("1\n33\n");
  expect(world.host.run("ip", "link", "show", "br-mine")).toContain("mtu 1400");
  expect(await world.host.probe("tcp", "172.30.20.2", 80)).toBe("details 172.30.20.1");
  await clear(plan, end);
});

test("attach() goes into a network namespace that belongs to a user namespace", async () => {
  const plan = bridgePlan("owned", 21);
  const child = spawn("ip", [
    "netns",
    "exec",
    world.host.name,
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "sleep",
    "60",
  ]);
  try {
    const path = `/proc/${child.pid}/ns/net`;
    await poll(() => (readFileSync(`/proc/${child.pid}/comm`, "latin1") === "sleep\n" ? true : undefined), {
      timeoutMs: 20_000,
      what: "see it run",
    });
    await world.host.call("ensure", plan);
    const end = endpointPlan(plan, 2, { sysctls: { "net.ipv4.conf.IFNAME.log_martians": "1" } });
    await world.host.call("attach", end, path);
    expect(world.host.run("ping", "-c1", "-W2", "172.30.21.2")).toContain("1 received");
    await clear(plan, end);
  } finally {
    child.kill("SIGKILL");
  }
});

test("macvlan puts a container onto the host's own link", async () => {
  const base = bridgePlan("mac", 22, { driver: "macvlan", interfaceName: "lan", macvlanMode: "bridge" });
  const end = endpointPlan(base, 2, {
    addresses: [
      { address: parseIpAddress("10.9.0.50"), bits: 24 },
      { address: parseIpAddress("fd09::50"), bits: 64 },
    ],
    defaultGateways: [parseIpAddress("10.9.0.2")],
  });
  const made = await place("mac1", base, end);
  expect(await world.other.probe("tcp", "10.9.0.50", 80)).toBe("mac1 10.9.0.2");
  expect(await world.other.probe("udp", "fd09::50", 80)).toBe("mac1 fd09::2");
  expect(made.run("ip", "route")).toContain("default via 10.9.0.2");
  await clear(base, end);
  expect(world.host.run("ip", "link", "show", "lan")).toContain("lan");
  const none = { ...base, id: "f".repeat(64), interfaceName: "nowhere0" };
  expect(world.host.call("ensure", none)).rejects.toThrow("its parent interface nowhere0 does not exist");
  // A parent that leads nowhere, and a VLAN: made, and gone with the network; or it is said what the kernel lacks.
  for (const [name, kind] of [
    ["dm-eeeeeeeeeeee", "dummy"],
    ["lan.12", "VLAN"],
  ] as const) {
    const plan = { ...base, id: `${name.length}`.repeat(32), interfaceName: name };
    const made = await world.host.call("ensure", plan).then(
      () => true,
      (thrown: Error) => thrown.message,
    );
    if (made !== true) {
      expect(made).toContain(
        `cannot make the network mac: this kernel has no interfaces of the kind ${kind}`,
      );
      continue;
    }
    expect(world.host.run("ip", "link", "show", name)).toContain("UP");
    await world.host.call("remove", plan);
    expect(() => world.host.run("ip", "link", "show", name)).toThrow();
  }
});

// Traffic: test/vm/ipvlan.test.ts.
test("a kernel without ipvlan says so when a network is made, and leaves nothing", async () => {
  const ipvlan = { mode: "l2", flag: "bridge" } as const;
  const plan = bridgePlan("ip", 29, { driver: "ipvlan", interfaceName: "lan", ipvlan });
  const links = world.host.run("ip", "-br", "link");
  const made = await world.host.call("ensure", plan).then(
    () => true,
    (thrown: Error) => thrown.message,
  );
  const lacks = "cannot make the network ip: this kernel has no interfaces of the kind ipvlan";
  expect([true, lacks]).toContain(made);
  await world.host.call("remove", plan);
  expect(world.host.run("ip", "-br", "link")).toBe(links);
});

test("what cannot be made says why, and leaves nothing", async () => {
  const plan = bridgePlan("errors", 23);
  const end = endpointPlan(plan, 2, { ports: ports("tcp 8123+10:80") });
  const made = await place("errors", plan, end);
  const links = world.host.run("ip", "-br", "link");
  const again = endpointPlan(plan, 3);
  expect(world.host.call("attach", again, made.path)).rejects.toThrow(
    /^cannot attach to the network errors: cannot make the interface eth0: EEXIST/,
  );
  const bad = endpointPlan(plan, 4, {
    interfaceName: "eth1",
    sysctls: { "net.ipv4.conf.IFNAME.nonsense": "1" },
  });
  await expect(world.host.call("attach", bad, made.path)).rejects.toThrow(
    "this kernel has no such parameter",
  );
  const outside = endpointPlan(plan, 5, { interfaceName: "eth1", sysctls: { "kernel.IFNAME": "1" } });
  await expect(world.host.call("attach", outside, made.path)).rejects.toThrow(
    "it is no parameter of the network",
  );
  const clash = endpointPlan(plan, 6, { interfaceName: "eth1", ports: ports("tcp 127.0.0.1:8130:80") });
  await expect(world.host.call("attach", clash, made.path)).rejects.toThrow(
    "cannot publish 127.0.0.1:8130/tcp: port is already allocated",
  );
  const lost = endpointPlan({ ...plan, id: asId<NetworkId>("0".repeat(64)) }, 7);
  await expect(world.host.call("attach", lost, made.path)).rejects.toThrow(
    "cannot attach to network 000000000000: it has not been set up",
  );
  expect(world.host.run("ip", "-br", "link")).toBe(links);
  expect(made.run("ip", "-br", "link").match(/eth/g)).toHaveLength(1);
  world.host.run("ip", "link", "add", "dummy7", "type", "veth");
  const taken = bridgePlan("taken", 24, { interfaceName: "dummy7" });
  await expect(world.host.call("ensure", taken)).rejects.toThrow(
    "cannot make the bridge dummy7: an interface of that name exists and is no bridge",
  );
  expect(await world.host.call<NetworkFinding[]>("findings")).toEqual([]);
  await clear(plan, end);
});

test("setPorts() changes the ports of a running container, all or nothing", async () => {
  const plan = bridgePlan("live", 25);
  const end = endpointPlan(plan, 2, { ports: ports("tcp 8125:80", "udp 8125:80") });
  await place("live1", plan, end);
  await world.host.call("setPorts", end.id, ports("tcp 8125:81", "tcp 8126:80"));
  expect(await world.other.probe("tcp", "10.9.0.1", 8125)).toBe("live1 10.9.0.2");
  expect(await world.other.probe("tcp", "10.9.0.1", 8126)).toBe("live1 10.9.0.2");
  expect(await world.other.probe("udp", "10.9.0.1", 8125)).toBe("refused");
  const other = endpointPlan(plan, 3, { ports: ports("tcp 8127:80") });
  await place("live2", plan, other);
  await expect(world.host.call("setPorts", end.id, ports("tcp 8128:80", "tcp 8127:80"))).rejects.toThrow(
    "port is already allocated",
  );
  expect(await world.other.probe("tcp", "10.9.0.1", 8128)).toBe("refused");
  expect(await world.other.probe("tcp", "10.9.0.1", 8126)).toBe("live1 10.9.0.2");
  await clear(plan, end, other);
});

test("a UDP client that never stops sending reaches the container that came after", async () => {
  const plan = bridgePlan("flows", 26);
  const first = endpointPlan(plan, 2, { ports: ports("udp 8126:80") });
  const second = endpointPlan(plan, 3, { ports: ports("udp 8126:80") });
  // The same port of the client's all the time, so that there is one flow.
  const send = async (): Promise<string> =>
    await world.other.call("probe", {
      protocol: "udp",
      address: "10.9.0.1",
      port: 8126,
      from: 5353,
      timeoutMs: 400,
    });
  await send();
  await place("flow1", plan, first);
  expect(await send()).toBe("flow1 10.9.0.2");
  await world.host.call("detach", first.id);
  await place("flow2", plan, second);
  expect(await send()).toBe("flow2 10.9.0.2");
  await clear(plan, second);
});

test("a kill -9 leaves containers their network, and reconcile() makes the kernel say what the records say", async () => {
  const kept = bridgePlan("kept", 27);
  const gone = bridgePlan("gone", 28);
  const ends = [
    endpointPlan(kept, 2, { ports: ports("tcp 8127:80") }),
    endpointPlan(kept, 3, { ports: ports("tcp 8128:80") }),
    endpointPlan(gone, 2),
  ] as const;
  await place("kept1", kept, ends[0]);
  await place("kept2", kept, ends[1]);
  await place("gone1", gone, ends[2]);
  const host = await world.reopenHost();
  expect(await world.other.probe("tcp", "10.9.0.1", 8127)).toBe("kept1 10.9.0.2");
  await host.call("open", { dataRoot: world.dataRoot });
  await host.call("reconcile", { networks: [kept], endpoints: [ends[0]] });
  expect(await host.call<NetworkFinding[]>("findings")).toEqual([]);
  expect(await world.other.probe("tcp", "10.9.0.1", 8127)).toBe("kept1 10.9.0.2");
  expect(await world.other.probe("tcp", "10.9.0.1", 8128)).toBe("refused");
  const links = host.run("ip", "-br", "link");
  expect(links).not.toContain(gone.interfaceName);
  expect(links.match(/^tv/gm)).toHaveLength(1);
  // Somebody removes the bridge: a finding until it is restored, a quarter of a second later.
  host.run("ip", "link", "delete", kept.interfaceName);
  const found = (await host.call<NetworkFinding[]>("findings")).map(({ problem }) => problem);
  expect([[], [`its interface ${kept.interfaceName} is gone`]]).toContainEqual(found);
  await host.call("reconcile", { networks: [kept], endpoints: [ends[0]] });
  expect(await host.call<NetworkFinding[]>("findings")).toEqual([]);
  expect(await world.other.probe("tcp", "10.9.0.1", 8127)).toBe("kept1 10.9.0.2");
  await host.call("reconcile", { networks: [], endpoints: [] });
  expect(host.run("nft", "list", "tables")).not.toContain("tare-");
  expect(host.run("ip", "-br", "link")).not.toMatch(/^t[rv]/m);
});
