import { describe, expect, test } from "bun:test";
import type { EndpointSettings, NetworkSpec } from "../../../../src/model/networks.ts";
import {
  checkEndpoint,
  orderByPriority,
  resolveEndpoint,
  routeEndpoints,
} from "../../../../src/engine/networks/resolve-endpoints.ts";
import {
  resolveDefaultNetwork,
  resolveNetwork,
  adaptDefaultNetwork,
} from "../../../../src/engine/networks/resolve-network.ts";
import { AddressSet } from "../../../../src/network/address-set.ts";
import type { EndpointPlan, NetworkPlan } from "../../../../src/network/types.ts";
import {
  formatIpAddress,
  formatIpPrefix,
  parseIpAddress,
  parseIpPrefix,
} from "../../../../src/spec/ip-address.ts";
import type { EndpointId, NetworkId } from "../../../../src/model/ids.ts";
import { asId } from "../../../support/ids.ts";

const id = "ab".repeat(32);
const pools = [
  { base: parseIpPrefix("172.20.0.0/14"), size: 16 },
  { base: parseIpPrefix("fd00:9::/48"), size: 64 },
];

type Facts = Parameters<typeof resolveNetwork>[1]["facts"];

const largeTcp = { ipv4: true, ipv6: true };

function plan(spec: Partial<NetworkSpec>, others: Facts["others"] = [], changes: Partial<Facts> = {}) {
  const interfaces = ["lo", "br0"];
  const routes = [parseIpPrefix("172.20.0.0/16"), parseIpPrefix("192.168.1.0/24")];
  return resolveNetwork(
    { name: "lan", ...spec },
    {
      id: asId<NetworkId>(id),
      nowMs: 1,
      facts: { pools, routes, others, interfaces, largeTcp, bypass: true, ...changes },
    },
  );
}

describe("resolveNetwork()", () => {
  test("chooses a subnet that the host has no route to, and its first address as the gateway", () => {
    const { record, warnings } = plan({ ipv6: true });
    expect(
      record.plan?.subnets.map(({ subnet, gateway }) => [
        formatIpPrefix(subnet),
        gateway && formatIpAddress(gateway),
      ]),
    ).toEqual([
      ["172.21.0.0/16", "172.21.0.1"],
      ["fd00:9::/64", "fd00:9::1"],
    ]);
    expect(record.plan).toMatchObject({
      driver: "bridge",
      mtu: 1500,
      masquerade: true,
      interContainer: true,
      gatewayMode4: "nat",
    });
    expect(warnings).toEqual([]);
  });

  test("never gives two networks the same", () => {
    const first = plan({ name: "one" }).record;
    const second = plan({ name: "two" }, [first]).record;
    expect(second.plan?.subnets[0]?.subnet).not.toEqual(first.plan?.subnets[0]?.subnet);
  });

  test("reads the driver's options", () => {
    const options = {
      "com.docker.network.bridge.name": "br7",
      "com.docker.network.bridge.enable_icc": "false",
      "com.docker.network.bridge.enable_ip_masquerade": "0",
      "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
      "com.docker.network.bridge.gateway_mode_ipv6": "routed",
      "com.docker.network.bridge.inhibit_ipv4": "true",
      "com.docker.network.driver.mtu": "9000",
      "somebody.else": "anything",
    };
    const { record } = plan({ options });
    expect(record.plan).toMatchObject({
      interfaceName: "br7",
      interContainer: false,
      masquerade: false,
      mtu: 9000,
      gatewayMode6: "routed",
    });
    expect(record.plan?.subnets[0]?.gateway).toBeUndefined();
    expect(record.plan?.defaultBindings.map(formatIpAddress)).toEqual(["127.0.0.1"]);
  });

  const sized = (size: string): Partial<NetworkSpec> => ({ options: { gso_max_size: size } });
  const inBridge = (name: string): Partial<NetworkSpec> => ({
    internal: true,
    options: { "com.docker.network.bridge.name": name },
  });
  test.each<readonly [string, Partial<NetworkSpec>, NetworkPlan["gsoMaxSizes"]]>([
    ["not by itself", {}, undefined],
    ["by itself where nothing leaves", { internal: true, ipv6: true }, { ipv4: 196_608 }],
    ["not on a bridge that somebody else has", inBridge("br0"), undefined],
    ["but on one that is to be made", inBridge("br7"), { ipv4: 196_608 }],
    ["when asked for", sized("192k"), { ipv4: 196_608 }],
    ["in another way", sized("128KiB"), { ipv4: 131_072 }],
    ["in bytes", sized("524280"), { ipv4: 524_280 }],
    ["not when switched off", { internal: true, ...sized("0") }, undefined],
    ["not with the size of all", { internal: true, ...sized("64k") }, undefined],
    ["of both families", { internal: true, ipv6: true, ...sized("256k") }, { ipv4: 262_144, ipv6: 262_144 }],
    ["not for macvlan", { internal: true, driver: "macvlan" }, undefined],
  ])("large packets of TCP: %s", (_, spec, sizes) => {
    expect(plan(spec).record.plan?.gsoMaxSizes).toEqual(sizes as NonNullable<typeof sizes>);
    expect(plan(spec).warnings).toEqual([]);
  });

  test.each(["512k", "65535", "1g", "-1", "large", "192 kilobytes"])(
    "gso_max_size %s is refused in one sentence",
    (size) => {
      expect(() => plan(sized(size))).toThrow(
        `invalid value for option gso_max_size: "${size}": it is a size from 64k to 524280 bytes, or 0`,
      );
    },
  );

  test("gso_max_size is no option of macvlan", () => {
    expect(() => plan({ driver: "macvlan", ...sized("192k") })).toThrow(
      'option gso_max_size: "192k": it is for networks of the driver bridge',
    );
  });

  const old = { largeTcp: { ipv4: false, ipv6: false } };
  const no4 = "gso_max_size has no effect for IPv4 on this kernel: it needs Linux 6.3";
  const no6 = "gso_max_size has no effect for IPv6 on this kernel: it needs Linux 5.19";
  const outside =
    "gso_max_size has no effect for IPv6: larger packets are not forwarded, so it needs an internal network";
  test.each<readonly [string, Partial<NetworkSpec>, Partial<Facts>, readonly string[]]>([
    ["asked for", sized("192k"), old, [no4]],
    ["the size of all", sized("64k"), old, []],
    ["not asked for", { internal: true, ipv6: true }, old, []],
    ["IPv6 alone", { ipv4: false, ipv6: true, internal: true, ...sized("192k") }, old, [no6]],
    [
      "a kernel with IPv6 alone",
      { ipv6: true, internal: true, ...sized("192k") },
      { largeTcp: { ipv4: false, ipv6: true } },
      [no4],
    ],
    ["IPv6 that would have to be forwarded", { ipv6: true, ...sized("192k") }, {}, [outside]],
  ])("large packets that can't be are said: %s", (_, spec, facts, warnings) => {
    expect(plan(spec, [], facts).warnings).toEqual(warnings);
  });

  const passing = (options: Readonly<Record<string, string>> = {}): Partial<NetworkSpec> => ({
    options: { bypass_bridge: "true", ...options },
  });
  test("past the bridge where it was asked for", () => {
    expect(plan({}).record.plan?.bypassesBridge).toBeUndefined();
    expect(plan({ options: { bypass_bridge: "false" } }).record.plan?.bypassesBridge).toBeUndefined();
    expect(plan(passing())).toMatchObject({ record: { plan: { bypassesBridge: true } }, warnings: [] });
    expect(plan(passing(), [], { bypass: false }).warnings).toEqual([
      "bypass_bridge has no effect on this kernel: it needs interfaces of the kind macvlan",
    ]);
  });

  test.each<readonly [Partial<NetworkSpec>, string]>([
    [{ driver: "macvlan", ...passing() }, 'bypass_bridge: "true": it is for networks of the driver bridge'],
    [{ options: { bypass_bridge: "maybe" } }, 'bypass_bridge: "maybe": it is true or false'],
    [
      passing({ "com.docker.network.bridge.enable_icc": "false" }),
      'bypass_bridge: "true": its containers may not talk to each other (enable_icc is false)',
    ],
    [
      passing({ "com.docker.network.bridge.name": "br0" }),
      "bypass_bridge: the bridge br0 belongs to other software, and so do its rules",
    ],
  ])("past the bridge it can't be: %p", (spec, sentence) => {
    expect(() => plan(spec)).toThrow(sentence);
  });

  test("the default network becomes what its engine was told, and what it was", () => {
    const facts = { pools, routes: [], others: [], interfaces: [], largeTcp, bypass: true };
    const record = resolveDefaultNetwork({ id: asId<NetworkId>(id), nowMs: 1, facts });
    const told = { gsoMaxSize: 196_608, bypass: true };
    const plain = { gsoMaxSize: 65_536, bypass: false };
    const fast = adaptDefaultNetwork(record, told);
    expect(fast.options).toMatchObject({ gso_max_size: "196608", bypass_bridge: "true" });
    expect(fast.plan).toMatchObject({ gsoMaxSizes: { ipv4: 196_608 }, bypassesBridge: true });
    expect(adaptDefaultNetwork(fast, told)).toBe(fast);
    const large = adaptDefaultNetwork(fast, { ...told, bypass: false });
    expect([large.options["bypass_bridge"], large.plan?.bypassesBridge]).toEqual([undefined, undefined]);
    expect(large.plan?.gsoMaxSizes).toEqual({ ipv4: 196_608 });
    expect(adaptDefaultNetwork(fast, plain)).toEqual(record);
    expect(adaptDefaultNetwork(record, plain)).toBe(record);
  });

  test("a configuration network gives all of its settings or none", () => {
    const config = plan({
      name: "settings",
      configOnly: true,
      subnets: [{ subnet: "10.4.0.0/16" }],
      labels: { a: "b" },
    }).record;
    expect(config.plan).toBeUndefined();
    const { record } = plan({ configFrom: "settings" }, [config]);
    expect(record).toMatchObject({ configFrom: "settings", labels: { a: "b" } });
    expect(record.plan && formatIpPrefix(record.plan.subnets[0]?.subnet as never)).toBe("10.4.0.0/16");
    expect(() => plan({ configFrom: "settings", options: { a: "b" } }, [config])).toThrow(
      "user-specified configurations",
    );
    expect(() => plan({ configFrom: "nope" }, [config])).toThrow('no configuration network "nope"');
  });

  test.each<[Partial<NetworkSpec>, string, string]>([
    [{ name: " " }, "invalid", "name is empty"],
    [{ name: "a/b" }, "invalid", "slash"],
    [{ name: "host" }, "not-permitted", "predefined host network"],
    [{ driver: "overlay" }, "not-found", 'no network driver "overlay"'],
    [{ driver: "null" }, "not-permitted", 'only one instance of "null"'],
    [{ ipv4: false }, "invalid", "IPv4 or IPv6 must be enabled"],
    [{ scope: "swarm" }, "invalid", "swarm"],
    [{ ipamDriver: "x" }, "not-found", 'no IPAM driver "x"'],
    [{ subnets: [{ gateway: "10.0.0.1" }] }, "invalid", "must have a corresponding subnet"],
    [{ subnets: [{ subnet: "10.0.0.1/24" }] }, "invalid", "10.0.0.0/24"],
    [{ subnets: [{ subnet: "10.0.0.0/24", gateway: "10.0.1.1" }] }, "invalid", "10.0.1.1"],
    [
      { subnets: [{ subnet: "10.0.0.0/24" }, { subnet: "10.1.0.0/24" }] },
      "invalid",
      "one IPv4 subnet at most",
    ],
    [{ subnets: [{ subnet: "192.168.0.0/16" }] }, "conflict", "the host's route to 192.168.1.0/24"],
    [{ options: { "com.docker.network.driver.mtu": "1" } }, "invalid", "from 68 to 65535"],
    [{ options: { "com.docker.network.bridge.name": "0123456789abcdef" } }, "invalid", "1 to 15 characters"],
    [
      { options: { "com.docker.network.bridge.gateway_mode_ipv4": "isolated" } },
      "invalid",
      "internal network",
    ],
    [
      { driver: "macvlan", options: { macvlan_mode: "x" } },
      "invalid",
      "requested macvlan mode 'x' is not valid, 'bridge' mode is the macvlan driver default",
    ],
    [
      { driver: "ipvlan", options: { ipvlan_mode: "l4" } },
      "invalid",
      "requested ipvlan mode 'l4' is not valid, 'l2' mode is the ipvlan driver default",
    ],
    [
      { driver: "ipvlan", options: { ipvlan_flag: "x" } },
      "invalid",
      "requested ipvlan flag 'x' is not valid, 'bridge' is the ipvlan driver default",
    ],
    [
      { driver: "ipvlan", options: { parent: "lo" } },
      "invalid",
      "loopback interface is not a valid ipvlan parent link",
    ],
    [
      { driver: "ipvlan", subnets: [{ subnet: "10.1.0.0/16" }, { subnet: "10.1.2.0/24" }] },
      "invalid",
      "Pool overlaps with other one on this address space: 10.1.2.0/24 with its own 10.1.0.0/16",
    ],
  ])("%j is refused", (spec, kind, sentence) => {
    expect(() => plan(spec)).toThrow(
      expect.objectContaining({ kind, message: expect.stringContaining(sentence) }),
    );
  });

  test("names and subnets of others are not to be had", () => {
    const other = plan({
      subnets: [{ subnet: "10.0.0.0/16" }],
      options: { "com.docker.network.bridge.name": "br0" },
    }).record;
    expect(() => plan({}, [other])).toThrow("network with name lan already exists");
    expect(() => plan({ name: "b", subnets: [{ subnet: "10.0.4.0/24" }] }, [other])).toThrow(
      "Pool overlaps with other one",
    );
    expect(() => plan({ name: "b", options: { "com.docker.network.bridge.name": "br0" } }, [other])).toThrow(
      'network "lan" has the bridge br0',
    );
  });

  test("IPv6 subnets without IPv6 are warned of; a macvlan is a part of the host's subnet", () => {
    expect(plan({ subnets: [{ subnet: "fd00::/64" }] }).warnings).toHaveLength(1);
    expect(
      plan({ driver: "macvlan", subnets: [{ subnet: "192.168.1.0/24" }], options: { parent: "eth0" } }).record
        .plan,
    ).toMatchObject({
      driver: "macvlan",
      interfaceName: "eth0",
      macvlanMode: "bridge",
    });
  });
});

describe("ipvlan", () => {
  const ipvlan = (spec: Partial<NetworkSpec>, others: Facts["others"] = []) =>
    plan({ driver: "ipvlan", ...spec }, others).record.plan as NetworkPlan;

  test("mode and flag are l2 and bridge by default; without a parent it has one of its own that leads nowhere", () => {
    expect(ipvlan({})).toMatchObject({
      interfaceName: `di-${id.slice(0, 12)}`,
      ipvlan: { mode: "l2", flag: "bridge" },
    });
    const options = { parent: "eth0.10", ipvlan_mode: "l3s", ipvlan_flag: "private" };
    expect(ipvlan({ options })).toMatchObject({
      interfaceName: "eth0.10",
      ipvlan: { mode: "l3s", flag: "private" },
    });
  });

  test("has several subnets of a family, in the order asked, and none that has no gateway unless it is internal", () => {
    const subnets = [
      { subnet: "10.1.0.0/24" },
      { subnet: "fd00:1::/64" },
      { subnet: "10.2.0.0/24", gateway: "10.2.0.9" },
    ];
    const gateways = ({ subnets: own }: NetworkPlan) =>
      own.map(({ subnet, gateway }) => [formatIpPrefix(subnet), gateway && formatIpAddress(gateway)]);
    expect(gateways(ipvlan({ subnets, ipv6: true }))).toEqual([
      ["10.1.0.0/24", "10.1.0.1"],
      ["10.2.0.0/24", "10.2.0.9"],
      ["fd00:1::/64", "fd00:1::1"],
    ]);
    expect(gateways(ipvlan({ subnets: subnets.slice(0, 1), internal: true }))).toEqual([
      ["10.1.0.0/24", undefined],
    ]);
  });

  test("has its parent alone among networks of ipvlan", () => {
    const options = { parent: "eth0" };
    const other = (driver: string) =>
      plan({ driver, options, name: "first", subnets: [{ subnet: "10.1.0.0/24" }] }).record;
    expect(() => ipvlan({ options }, [other("ipvlan")])).toThrow(
      `network di-${id.slice(0, 12)} is already using parent interface eth0`,
    );
    expect(ipvlan({ options }, [other("macvlan")]).interfaceName).toBe("eth0");
  });

  const endpoint = (network: NetworkPlan, settings: EndpointSettings, taken: readonly string[] = []) =>
    resolveEndpoint(
      {
        endpointId: asId<EndpointId>("e"),
        containerId: "c",
        network,
        settings,
        interfacePrefix: "eth",
        taken: new AddressSet(taken.map(parseIpAddress)),
      },
      { usedNames: [] },
    );
  const shown = ({ addresses, macAddress }: EndpointPlan) =>
    [macAddress, ...addresses.map(({ address, bits }) => `${formatIpAddress(address)}/${bits}`)].join(" ");

  test("an endpoint has one address of each family, from the first subnet with room, and no hardware address", () => {
    const subnets = [{ subnet: "10.1.0.0/30" }, { subnet: "10.2.0.0/24" }, { subnet: "fd00:1::/64" }];
    const network = ipvlan({ subnets, ipv6: true });
    expect(shown(endpoint(network, {}))).toBe(" 10.1.0.2/30 fd00:1::2/64");
    expect(shown(endpoint(network, {}, ["10.1.0.2"]))).toBe(" 10.2.0.2/24 fd00:1::2/64");
    expect(shown(endpoint(network, { ipv4: "10.2.0.77" }))).toBe(" 10.2.0.77/24 fd00:1::2/64");
    expect(() => endpoint(network, { ipv4: "10.1.0.2" }, ["10.1.0.2"])).toThrow("Address already in use");
    const small = ipvlan({ subnets: subnets.slice(0, 1) });
    expect(() => endpoint(small, {}, ["10.1.0.2"])).toThrow("all of 10.1.0.0/30 are in use");
    expect(() =>
      checkEndpoint({ name: "lan", plan: network, isDefault: false }, { macAddress: "02:00:00:00:00:01" }),
    ).toThrow("ipvlan interfaces do not support custom mac address assignment");
  });

  const options = { parent: "eth0" };
  const subnets = [{ subnet: "10.1.0.0/24" }, { subnet: "10.2.0.0/24", gateway: "10.2.0.9" }];
  test.each([
    ["l2: the gateway of its subnet", { options, subnets }, ["10.2.0.9"]],
    ["l3: the interface itself", { options: { ...options, ipvlan_mode: "l3" }, subnets }, ["0.0.0.0"]],
    ["l3s, IPv6", { options: { ...options, ipvlan_mode: "l3s" }, subnets, ipv6: true }, ["0.0.0.0", "::"]],
    ["internal: none", { options: { ...options, ipvlan_mode: "l3" }, subnets, internal: true }, []],
    ["without a parent: none", { subnets }, []],
  ])("default routes, %s", (_, spec, gateways) => {
    const network = ipvlan(spec);
    const settings = { ipv4: "10.2.0.7" };
    const ports = [{ protocol: "tcp", hostPort: 80, containerPort: 80, count: 1 }] as const;
    const [routed] = routeEndpoints([{ network, settings, plan: endpoint(network, settings) }], { ports });
    expect(routed?.defaultGateways.map(formatIpAddress)).toEqual(gateways);
    // As dockerd: its ports are published by nobody.
    expect(routed?.ports).toEqual([]);
  });
});

describe("routes and ports", () => {
  const network = (
    name: string,
    more: Partial<NetworkPlan> & { readonly subnets?: NetworkPlan["subnets"] } = {},
  ): NetworkPlan => {
    const made = plan({ name, internal: more.internal ?? false }).record.plan as NetworkPlan;
    return { ...made, id: asId<NetworkId>(name), ...more };
  };
  const v6 = (name: string): NetworkPlan =>
    network(name, {
      ipv4: false,
      subnets: [{ subnet: parseIpPrefix("fd00::/64"), gateway: parseIpAddress("fd00::1"), auxiliary: {} }],
    });
  const end = (net: NetworkPlan, gatewayPriority = 0) => ({
    network: net,
    settings: { gatewayPriority },
    plan: {
      id: asId<EndpointId>(`e-${net.id}`),
      networkId: net.id,
      macAddress: "",
      addresses: net.subnets.map(({ subnet }) => ({
        address: { ...subnet.address, value: subnet.address.value + 9n },
        bits: subnet.bits,
      })),
      linkLocal: [],
      interfaceName: "",
      defaultGateways: [],
      sysctls: {},
      ports: [],
    } satisfies EndpointPlan,
  });
  const ports = [{ protocol: "tcp", hostPort: 80, containerPort: 80, count: 1 }] as const;
  const shown = (plans: readonly EndpointPlan[]): readonly string[] =>
    plans.map(({ networkId, defaultGateways, ports: published }) =>
      [
        networkId,
        ...defaultGateways.map(formatIpAddress),
        ...published.map(({ hostAddress }) =>
          hostAddress === undefined ? "*" : formatIpAddress(hostAddress),
        ),
      ].join(" "),
    );

  test("lead through the first by name, unless one has priority or no way out", () => {
    expect(shown(routeEndpoints([end(network("b")), end(network("a"))], { ports }))).toEqual([
      "b",
      "a 172.21.0.1 *",
    ]);
    expect(shown(routeEndpoints([end(network("b"), 1), end(network("a"))], { ports }))).toEqual([
      "b 172.21.0.1 *",
      "a",
    ]);
    expect(
      shown(routeEndpoints([end(network("b")), end(network("a", { internal: true }))], { ports })),
    ).toEqual(["b 172.21.0.1 *", "a"]);
    expect(
      orderByPriority([end(network("b")), end(network("a"), -1)]).map(({ network: { id: own } }) => own),
    ).toEqual([asId<NetworkId>("b"), asId<NetworkId>("a")]);
  });

  test("each family has its own way; ports of a family go with it", () => {
    expect(shown(routeEndpoints([end(network("a")), end(v6("six"))], { ports }))).toEqual([
      "a 172.21.0.1 0.0.0.0",
      "six fd00::1 ::",
    ]);
    const six = [{ ...ports[0], hostAddress: parseIpAddress("::1") }];
    expect(shown(routeEndpoints([end(network("a")), end(v6("six"))], { ports: six }))).toEqual([
      "a 172.21.0.1",
      "six fd00::1 ::1",
    ]);
  });

  test("ports at IPv6 are relayed to IPv4 alone, where the network translates ports", () => {
    const six = [
      { ...ports[0], hostAddress: parseIpAddress("::1") },
      { ...ports[0], protocol: "sctp", hostAddress: parseIpAddress("::1") },
      { ...ports[0], hostAddress: parseIpAddress("127.0.0.1") },
    ] as const;
    const relays = (ends: Parameters<typeof routeEndpoints>[0], relaysIpv6 = true) => {
      const routed = routeEndpoints(ends, { ports: [...ports, ...six], relaysIpv6 });
      return shown(routed).map((text, at) => `${text}${routed[at]?.relaysIpv6 === true ? " relayed" : ""}`);
    };
    const [a, b] = [end(network("a")), end(network("b"))];
    expect(relays([a])).toEqual(["a 172.21.0.1 * ::1 127.0.0.1 relayed"]);
    expect(relays([a, b])).toEqual(["a 172.21.0.1 * ::1 127.0.0.1 relayed", "b"]);
    expect(relays([a], false)).toEqual(["a 172.21.0.1 * 127.0.0.1"]);
    expect(relays([a, end(v6("six"))])).toEqual(["a 172.21.0.1 0.0.0.0 127.0.0.1", "six fd00::1 :: ::1 ::1"]);
    const routed = network("a", { gatewayMode4: "routed" });
    expect(relays([end(routed)])).toEqual(["a 172.21.0.1 * 127.0.0.1"]);
  });

  test("an internal network publishes nothing; default bindings stand in for all addresses", () => {
    expect(shown(routeEndpoints([end(network("a", { internal: true }))], { ports }))).toEqual(["a"]);
    const bound = network("a", { defaultBindings: [parseIpAddress("127.0.0.1")] });
    expect(shown(routeEndpoints([end(bound)], { ports }))).toEqual(["a 172.21.0.1 127.0.0.1"]);
  });

  test.each([
    [{ ipv4: "10.9.9.9" }, "no configured subnet or ip-range contain the IP address 10.9.9.9"],
    [{ ipv4: "x" }, "invalid IP address: x"],
    [{ ipv6: "172.21.0.4" }, "invalid IPv6 address"],
    [{ linkLocal: ["x"] }, "invalid IP address: x"],
    [{ macAddress: "zz" }, "invalid MAC address: zz"],
    [{ driverOptions: { "com.docker.network.endpoint.ifname": "a/b" } }, "invalid interface name"],
    [
      { driverOptions: { "com.docker.network.endpoint.sysctls": "kernel.x=1" } },
      "invalid sysctl of an interface",
    ],
  ])("the settings %j are refused", (settings, sentence) => {
    expect(() => checkEndpoint({ name: "lan", plan: network("lan"), isDefault: false }, settings)).toThrow(
      sentence,
    );
  });

  test("the default bridge has no addresses of one's choice and no aliases", () => {
    const bridge = { name: "bridge", plan: network("standing-in"), isDefault: true };
    expect(() => checkEndpoint(bridge, { ipv4: "172.21.0.4" })).toThrow(
      "supported on user defined networks only",
    );
    expect(() => checkEndpoint(bridge, { aliases: ["a"] })).toThrow(
      "only for containers in user defined networks",
    );
    expect(() => checkEndpoint(bridge, { macAddress: "02:00:00:00:00:01" })).not.toThrow();
  });
});
