import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { completeSubnet } from "../../../src/network/check-subnet.ts";
import { poolsOf, defaultPools } from "../../../src/network/default-pools.ts";
import { macAddressOf, parseMacAddress } from "../../../src/network/mac-address.ts";
import { findPortClash, formatHostPorts } from "../../../src/network/port-clash.ts";
import { mergePortMappings } from "../../../src/spec/merge-ports.ts";
import { AddressSet } from "../../../src/network/address-set.ts";
import { pickAddress } from "../../../src/network/pick-address.ts";
import { findOverlap, pickSubnet } from "../../../src/network/pick-subnet.ts";
import { findPortHolder } from "../../../src/network/read-host.ts";
import type { NetworkSubnet, PublishedPorts } from "../../../src/network/types.ts";
import {
  formatIpAddress,
  formatIpPrefix,
  hasAddress,
  type IpAddress,
  overlap,
  parseIpAddress,
  parseIpPrefix,
} from "../../../src/spec/ip-address.ts";

const ip = parseIpAddress;
const net = parseIpPrefix;
const pools = poolsOf(createHash("sha256").update("a root").digest());

describe("pools", () => {
  test("pickSubnet() takes private subnets, and others when the host or a network has them", () => {
    const first = pickSubnet(4, { pools, used: [] });
    expect(overlap(first, net("172.16.0.0/12"))).toBe(true);
    const second = pickSubnet(4, { pools, used: [first] });
    expect(overlap(first, second)).toBe(false);
    expect(overlap(pickSubnet(4, { pools, used: [net("172.16.0.0/12")] }), net("192.168.0.0/16"))).toBe(true);
  });

  test("pickSubnet() throws when all are in use", () => {
    const used = [net("172.16.0.0/12"), net("192.168.0.0/16")];
    expect(() => pickSubnet(4, { pools, used })).toThrow(/all predefined address pools of IPv4 are in use/);
  });

  test("pickSubnet() of IPv6 is in a ULA prefix of the data root's own", () => {
    const mine = pickSubnet(6, { pools, used: [] });
    expect(mine.bits).toBe(64);
    expect(formatIpPrefix(mine)).toStartWith("fd");
    const others = poolsOf(createHash("sha256").update("another root").digest());
    expect(overlap(mine, pickSubnet(6, { pools: others, used: [] }))).toBe(false);
  });

  test("pickSubnet() never meets what is in use, and a hundred never meet each other", () => {
    const prefix = fc
      .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 8, max: 30 }))
      .map(([value, bits]) => net(`${formatIpAddress({ family: 4, value: BigInt(value) })}/${bits}`));
    fc.assert(
      fc.property(
        fc.array(prefix, { maxLength: 20 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (used, hash) => {
          const made = [...used];
          try {
            for (let at = 0; at < 10; at++) {
              const subnet = pickSubnet(4, { pools: poolsOf(hash), used: made });
              expect(findOverlap(subnet, made)).toBeUndefined();
              made.push(subnet);
            }
          } catch (thrown) {
            expect((thrown as Error).message).toContain("all predefined address pools");
          }
        },
      ),
    );
  });

  test("defaultPools() is the same for the same data root", () => {
    expect(defaultPools("/tmp").map(({ base }) => formatIpPrefix(base))).toEqual(
      defaultPools("/tmp").map(({ base }) => formatIpPrefix(base)),
    );
  });
});

describe("subnets", () => {
  const gateway = (wish: Parameters<typeof completeSubnet>[0]): string =>
    formatIpAddress(completeSubnet(wish, { gateway: true }).gateway as never);

  test("completeSubnet() gives the first free address as the gateway", () => {
    expect(gateway({ subnet: net("10.1.0.0/24") })).toBe("10.1.0.1");
    expect(gateway({ subnet: net("10.1.0.0/24"), auxiliary: { router: ip("10.1.0.1") } })).toBe("10.1.0.2");
    expect(gateway({ subnet: net("10.1.0.0/24"), range: net("10.1.0.128/25") })).toBe("10.1.0.128");
    expect(gateway({ subnet: net("fd00::/64") })).toBe("fd00::1");
    expect(gateway({ subnet: net("10.1.0.0/31") })).toBe("10.1.0.0");
  });

  const bad: readonly (readonly [string, Parameters<typeof completeSubnet>[0], string])[] = [
    [
      "a foreign gateway",
      { subnet: net("10.1.0.0/24"), gateway: ip("10.2.0.1") },
      'cannot use 10.2.0.1 as the gateway: it is not inside the subnet "10.1.0.0/24"',
    ],
    ["another family's gateway", { subnet: net("10.1.0.0/24"), gateway: ip("fd00::1") }, "not inside"],
    ["the broadcast address", { subnet: net("10.1.0.0/24"), gateway: ip("10.1.0.255") }, "broadcast"],
    [
      "a range outside",
      { subnet: net("10.1.0.0/24"), range: net("10.2.0.0/25") },
      'cannot use the range "10.2.0.0/25"',
    ],
    ["a range that is larger", { subnet: net("10.1.0.0/24"), range: net("10.1.0.0/16") }, "not inside"],
    [
      "an auxiliary gateway",
      { subnet: net("10.1.0.0/24"), gateway: ip("10.1.0.1"), auxiliary: { a: ip("10.1.0.1") } },
      "it is the gateway",
    ],
    [
      "two of one address",
      { subnet: net("10.1.0.0/24"), auxiliary: { a: ip("10.1.0.7"), b: ip("10.1.0.7") } },
      'it is that of "a"',
    ],
    ["one address only", { subnet: net("10.1.0.7/32") }, "no address for a container"],
  ];
  for (const [name, wish, message] of bad) {
    test(`completeSubnet() refuses ${name}`, () => {
      expect(() => completeSubnet(wish, { gateway: true })).toThrow(message);
    });
  }
});

describe("addresses", () => {
  const subnet: NetworkSubnet = {
    subnet: net("10.1.0.0/29"),
    gateway: ip("10.1.0.1"),
    auxiliary: { dns: ip("10.1.0.3") },
  };

  test("pickAddress() gives every free one once, then throws", () => {
    const taken = new AddressSet();
    const picked = Array.from({ length: 4 }, () => {
      const address = pickAddress(subnet, { taken });
      taken.add(address);
      return formatIpAddress(address);
    });
    expect(picked).toEqual(["10.1.0.2", "10.1.0.4", "10.1.0.5", "10.1.0.6"]);
    expect(() => pickAddress(subnet, { taken })).toThrow("all of 10.1.0.0/29 are in use");
  });

  test("pickAddress() goes on behind the last one, and comes round", () => {
    expect(formatIpAddress(pickAddress(subnet, { taken: new AddressSet(), after: ip("10.1.0.4") }))).toBe(
      "10.1.0.5",
    );
    expect(
      formatIpAddress(
        pickAddress(subnet, { taken: new AddressSet([ip("10.1.0.6")]), after: ip("10.1.0.5") }),
      ),
    ).toBe("10.1.0.2");
  });

  test("pickAddress() checks one that is wanted", () => {
    const pick = (wanted: string): string =>
      formatIpAddress(
        pickAddress(
          { ...subnet, range: net("10.1.0.4/30") },
          { taken: new AddressSet([ip("10.1.0.5")]), wanted: ip(wanted) },
        ),
      );
    expect(pick("10.1.0.2")).toBe("10.1.0.2");
    expect(() => pick("10.1.0.1")).toThrow("gateway or reserved");
    expect(() => pick("10.1.0.3")).toThrow("gateway or reserved");
    expect(() => pick("10.1.0.5")).toThrow("Address already in use");
    expect(() => pick("10.1.0.7")).toThrow("broadcast");
    expect(() => pick("10.2.0.7")).toThrow("not inside the subnet");
  });

  test("pickAddress() never gives what is taken, reserved or foreign", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 30 }),
        fc.array(fc.integer({ min: 0, max: 4095 })),
        fc.option(fc.integer({ min: 0, max: 4095 })),
        (bits, numbers, behind) => {
          const wide = completeSubnet({ subnet: net(`10.0.0.0/${bits}`) }, { gateway: true });
          const at = (number: number): IpAddress => ({
            family: 4,
            value: wide.subnet.address.value + BigInt(number),
          });
          const taken = new AddressSet(numbers.map(at));
          let picked;
          try {
            picked = pickAddress(wide, { taken, ...(behind === null ? {} : { after: at(behind) }) });
          } catch {
            const free = Array.from({ length: 2 ** (32 - bits) - 3 }, (_, number) => at(number + 2)).filter(
              (address) => !taken.has(address),
            );
            expect(free).toEqual([]);
            return;
          }
          expect(hasAddress(wide.subnet, picked)).toBe(true);
          expect(taken.has(picked)).toBe(false);
          expect(formatIpAddress(picked)).not.toBe("10.0.0.1");
        },
      ),
    );
  });

  test("macAddressOf() follows from the address", () => {
    expect(macAddressOf(ip("172.17.0.2"), { seed: "x" })).toBe("02:42:ac:11:00:02");
    const six = macAddressOf(ip("fd00::2"), { seed: "x" });
    expect(six).toMatch(/^02:42(:[0-9a-f]{2}){4}$/);
    expect(macAddressOf(ip("fd00::2"), { seed: "y" })).not.toBe(six);
  });

  test("parseMacAddress() reads both forms, and refuses what is none", () => {
    expect(parseMacAddress("02-42-AC-11-00-02")).toBe("02:42:ac:11:00:02");
    for (const text of [
      "",
      "02:42:ac:11:00",
      "02:42:ac:11:00:0g",
      "01:00:5e:00:00:01",
      "00:00:00:00:00:00",
    ]) {
      expect(() => parseMacAddress(text)).toThrow(`cannot use "${text}" as a MAC address`);
    }
  });
});

describe("ports", () => {
  const port = (hostPort: number, changes: Partial<PublishedPorts> = {}): PublishedPorts => ({
    protocol: "tcp",
    hostPort,
    containerPort: hostPort,
    count: 1,
    ...changes,
  });

  const mergePorts = (ports: readonly PublishedPorts[]): readonly PublishedPorts[] =>
    mergePortMappings(ports, () => "");

  test("mergePortMappings() merges neighbors that run in parallel", () => {
    expect(mergePorts(Array.from({ length: 1000 }, (_, at) => port(9999 - at)))).toEqual([
      port(9000, { count: 1000 }),
    ]);
    expect(mergePorts([port(80), port(81, { containerPort: 90 }), port(82, { containerPort: 91 })])).toEqual([
      port(80),
      port(81, { containerPort: 90, count: 2 }),
    ]);
    expect(mergePorts([port(80), port(81, { protocol: "udp" }), port(80)])).toHaveLength(3);
  });

  test("mergePortMappings() loses and makes no port", () => {
    const single = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }));
    fc.assert(
      fc.property(fc.array(single), (pairs) => {
        const spread = (list: readonly PublishedPorts[]): string[] =>
          [
            ...new Set(
              list.flatMap(({ hostPort, containerPort, count }) =>
                Array.from({ length: count }, (_, at) => `${hostPort + at}:${containerPort + at}`),
              ),
            ),
          ].sort();
        const all = pairs.map(([hostPort, containerPort]) => port(hostPort, { containerPort }));
        expect(spread(mergePorts(all))).toEqual(spread(all));
      }),
    );
  });

  test("findPortClash() knows all addresses, one address, and protocols", () => {
    const at = (text: string, hostPort = 80): PublishedPorts => port(hostPort, { hostAddress: ip(text) });
    expect(findPortClash([port(85)], [port(80, { count: 10 })])).toEqual(port(85));
    expect(findPortClash([port(90)], [port(80, { count: 10 })])).toBeUndefined();
    expect(findPortClash([at("127.0.0.1")], [port(80)])).toBeDefined();
    expect(findPortClash([at("127.0.0.1")], [at("127.0.0.2")])).toBeUndefined();
    expect(findPortClash([at("0.0.0.0")], [at("127.0.0.2")])).toBeDefined();
    expect(findPortClash([at("0.0.0.0")], [at("::")])).toBeUndefined();
    expect(findPortClash([port(80)], [port(80, { protocol: "udp" })])).toBeUndefined();
    expect(formatHostPorts(port(80, { count: 3, hostAddress: ip("::1") }))).toBe("[::1]:80-82/tcp");
  });

  test("findPortHolder() finds a socket of this host", () => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const wanted = port(server.port, { hostAddress: ip("127.0.0.1") });
    expect(findPortHolder(wanted)).toEqual({ port: server.port });
    expect(findPortHolder({ ...wanted, hostAddress: ip("127.0.0.9") })).toBeUndefined();
    server.stop(true);
    expect(findPortHolder(wanted)).toBeUndefined();
  });
});
