import { describe, expect, test } from "bun:test";
import type { Link } from "../../../src/linux/netlink/links.ts";
import type { NetlinkReply } from "../../../src/linux/netlink/message.ts";
import { textAttribute, u32Attribute } from "../../../src/linux/netlink/attributes.ts";
import { parseRouteEvents } from "../../../src/linux/netlink/route-events.ts";
import {
  type BridgeState,
  findBridgeFaults,
  missingRoutes,
} from "../../../src/network/bridge/bridge-faults.ts";
import { RestoreLimit } from "../../../src/network/bridge/restore-limit.ts";
import { firstPorts, keyOfPort, chooseHostPortRanges } from "../../../src/network/ports/port-ranges.ts";
import { describeReach } from "../../../src/network/policy/describe-reach.ts";
import { firstOf, parseIpAddress } from "../../../src/spec/ip-address.ts";
import { bridgePlan, endpointPlan, ports } from "../../support/network-plans.ts";
import type { NetworkId } from "../../../src/model/ids.ts";
import { asId } from "../../support/ids.ts";

const plan = bridgePlan("front", 1);
const link: Link = {
  index: 7,
  name: plan.interfaceName,
  kind: "bridge",
  alias: "",
  parent: 0,
  master: 0,
  mtu: 1500,
  isUp: true,
  macAddress: "",
  gsoSizes: {},
};
const gateways = plan.subnets.map(({ subnet, gateway }) => ({
  address: gateway ?? subnet.address,
  bits: subnet.bits,
}));
const whole: BridgeState = {
  link,
  addresses: gateways.map((address) => ({ ...address, index: 7 })),
  routes: gateways.map((address) => ({
    prefix: { address: firstOf(address), bits: address.bits },
    index: 7,
  })),
  hasPorts: true,
};

describe("a bridge that another program has changed", () => {
  test("findBridgeFaults() compares link, state, addresses and routes", () => {
    const name = plan.interfaceName;
    const faults = (changes: Partial<BridgeState>): readonly string[] =>
      findBridgeFaults(plan, { ...whole, ...changes });
    expect(faults({})).toEqual([]);
    expect(faults({ link: undefined })).toEqual([`its interface ${name} is gone`]);
    expect(faults({ link: { ...link, kind: "dummy" } })).toEqual([`its interface ${name} is no bridge`]);
    expect(faults({ link: { ...link, isUp: false }, routes: [] })).toEqual([`its interface ${name} is down`]);
    expect(faults({ addresses: [], routes: [] })).toEqual([
      `its interface ${name} lacks the address 172.30.1.1/24`,
      `its interface ${name} lacks the address fd00:30:1::1/64`,
    ]);
    // Of another interface.
    expect(faults({ addresses: whole.addresses.map((each) => ({ ...each, index: 8 })) })).toHaveLength(2);
    expect(faults({ routes: whole.routes.map((route) => ({ ...route, index: 8 })) })).toEqual([
      `no route leads to 172.30.1.0/24 through its interface ${name}`,
      `no route leads to fd00:30:1::/64 through its interface ${name}`,
    ]);
    expect(faults({ routes: [], hasPorts: false })).toEqual([
      `no route leads to 172.30.1.0/24 through its interface ${name}`,
    ]);
    expect(missingRoutes(plan, { ...whole, routes: [] })).toEqual(gateways);
    const isolated = bridgePlan("front", 1, { gatewayMode4: "isolated", gatewayMode6: "isolated" });
    expect(findBridgeFaults(isolated, { ...whole, addresses: [], routes: [] })).toEqual([]);
  });

  test("RestoreLimit allows three in a minute, for each network", () => {
    let now = 0;
    const limit = new RestoreLimit(() => now);
    for (const at of [0, 10_000, 20_000]) {
      now = at;
      expect(limit.isReached(asId<NetworkId>("one"))).toBe(false);
      limit.count(asId<NetworkId>("one"));
    }
    expect(limit.isReached(asId<NetworkId>("one"))).toBe(true);
    expect(limit.isReached(asId<NetworkId>("other"))).toBe(false);
    now = 60_000;
    expect(limit.isReached(asId<NetworkId>("one"))).toBe(false);
    limit.count(asId<NetworkId>("one"));
    expect(limit.isReached(asId<NetworkId>("one"))).toBe(true);
    limit.forget(asId<NetworkId>("one"));
    expect(limit.isReached(asId<NetworkId>("one"))).toBe(false);
  });

  test("parseRouteEvents() reads what was lost, and ignores what came", () => {
    const message = (type: number, payload: Buffer): NetlinkReply => ({
      type,
      flags: 0,
      sequence: 0,
      payload,
    });
    const linkMessage = (type: number, family: number, flags: number): NetlinkReply => {
      const info = Buffer.alloc(16);
      info.writeUInt8(family, 0);
      info.writeInt32LE(7, 4);
      info.writeUInt32LE(flags, 8);
      return message(type, Buffer.concat([info, textAttribute(3, "br0"), u32Attribute(4, 1500)]));
    };
    const address = Buffer.alloc(8);
    address.writeUInt32LE(9, 4);
    const route = Buffer.concat([Buffer.alloc(12), u32Attribute(4, 5)]);
    expect(
      parseRouteEvents([
        linkMessage(16, 0, 1),
        linkMessage(16, 0, 0),
        linkMessage(16, 7, 1),
        linkMessage(17, 7, 1),
        linkMessage(17, 0, 0),
        message(20, address),
        message(21, address),
        message(24, route),
        message(25, route),
        message(25, Buffer.alloc(12)),
        message(16, Buffer.alloc(16)),
      ]),
    ).toEqual([
      { change: "up", index: 7, name: "br0" },
      { change: "down", index: 7, name: "br0" },
      { change: "off-bridge", index: 7, name: "br0" },
      { change: "gone", index: 7, name: "br0" },
      { change: "lost-address", index: 9, name: "" },
      { change: "lost-route", index: 5, name: "" },
      { change: "down", index: 0, name: "" },
    ]);
  });
});

describe("sockets of published ports", () => {
  const published = ports(
    "tcp 8080:80",
    "udp 127.0.0.1:53:53",
    "sctp 1:1",
    "tcp 9000+1000:9000",
    "tcp [::1]:1:1",
  );
  const runsOf = (changes: Parameters<typeof bridgePlan>[2], texts = published): readonly string[] =>
    chooseHostPortRanges(
      bridgePlan("front", 1, changes),
      endpointPlan(bridgePlan("front", 1, changes), 2, { ports: texts }),
    ).map((run) => `${keyOfPort(run)}+${run.count}`);

  test("chooseHostPortRanges() has the families whose packets are translated", () => {
    expect(runsOf({})).toEqual(["tcp * 8080+1", "udp 4 2130706433 53+1", "tcp * 9000+1000", "tcp 6 1 1+1"]);
    expect(runsOf({ gatewayMode6: "routed" })).toEqual([
      "tcp 4 0 8080+1",
      "udp 4 2130706433 53+1",
      "tcp 4 0 9000+1000",
    ]);
    expect(runsOf({ gatewayMode4: "isolated" })).toEqual([
      "tcp 6 0 8080+1",
      "tcp 6 0 9000+1000",
      "tcp 6 1 1+1",
    ]);
    expect(runsOf({ internal: true })).toEqual([]);
    expect(runsOf({ driver: "macvlan" })).toEqual([]);
    const defaultBindings = [parseIpAddress("10.9.0.1"), parseIpAddress("fd09::1")];
    expect(runsOf({ defaultBindings, gatewayMode6: "routed" }, ports("tcp 1:1"))).toEqual([
      `tcp 4 ${parseIpAddress("10.9.0.1").value} 1+1`,
    ]);
  });

  test("firstPorts() stops at the limit", () => {
    const runs = [
      { protocol: "tcp", address: undefined, port: 1, count: 2 },
      { protocol: "udp", address: undefined, port: 5, count: 65_000 },
    ] as const;
    expect(firstPorts(runs, 4).map(keyOfPort)).toEqual(["tcp * 1", "tcp * 2", "udp * 5", "udp * 6"]);
  });

  test("describeReach() names ports that a program has bound as well", () => {
    const [one] = ports("tcp 8080+10:80");
    if (one === undefined) throw new Error("no ports");
    const facts = { interfaces: [{ name: "eth0", refusedBy: [], doubtedBy: [] }], isInternal: false };
    expect(describeReach(one, facts)).toMatchObject({
      summary: "from eth0",
      text: "from eth0",
      conflicts: [],
    });
    expect(describeReach(one, { ...facts, conflicts: [8081] })).toMatchObject({
      conflicts: [8081],
      summary: "from eth0, conflict",
      text: "from eth0, conflict: a program on the host has bound 8081, too",
    });
    expect(describeReach(one, { ...facts, conflicts: [1, 2, 3, 4, 5] }).text).toEndWith(
      "has bound 1, 2, 3 and 2 more, too",
    );
  });
});
