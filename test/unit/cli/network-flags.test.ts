import { describe, expect, test } from "bun:test";
import { parseNetworkFlag } from "../../../src/cli/container/flags/parsers/network.ts";
import { parseExposed, parsePublish } from "../../../src/cli/container/flags/parsers/publish.ts";
import { toPools } from "../../../src/cli/network/pools.ts";

describe("parsePublish()", () => {
  test.each<[string, readonly [string, { HostIp: string; HostPort: string }]]>([
    ["80", ["80/tcp", { HostIp: "", HostPort: "" }]],
    ["8080:80", ["80/tcp", { HostIp: "", HostPort: "8080" }]],
    ["8080:80/UDP", ["80/udp", { HostIp: "", HostPort: "8080" }]],
    ["127.0.0.1:8080:80", ["80/tcp", { HostIp: "127.0.0.1", HostPort: "8080" }]],
    ["127.0.0.1::80", ["80/tcp", { HostIp: "127.0.0.1", HostPort: "" }]],
    ["[::1]:8080:80/sctp", ["80/sctp", { HostIp: "::1", HostPort: "8080" }]],
    ["::1:8080:80", ["80/tcp", { HostIp: "::1", HostPort: "8080" }]],
    ["8000-8010:80", ["80/tcp", { HostIp: "", HostPort: "8000-8010" }]],
    ["8000-8001:80-81", ["80-81/tcp", { HostIp: "", HostPort: "8000-8001" }]],
    ["80-81/udp", ["80-81/udp", { HostIp: "", HostPort: "" }]],
    ["8000-8000:80-80", ["80/tcp", { HostIp: "", HostPort: "8000" }]],
    ["target=80,published=8080,protocol=udp", ["80/udp", { HostIp: "", HostPort: "8080" }]],
  ])("reads %p", (text, wanted) => {
    expect(parsePublish(text)).toEqual(wanted);
  });

  test.each([
    ["", "No port specified"],
    ["x", "invalid containerPort: x"],
    ["8080:x", "invalid containerPort: x"],
    ["x:80", "No port specified"],
    ["80/icmp", "invalid proto: icmp"],
    ["70000:80", "invalid hostPort: 70000"],
    ["1.2.3:80:80", "invalid IP address: 1.2.3"],
    ["8000-8002:80-81", "invalid ranges specified for container and host Ports"],
    ["82-81", "invalid range specified"],
    ["published=8080", 'missing mandatory field "target"'],
  ])("refuses %p", (text, sentence) => {
    expect(() => parsePublish(text)).toThrow(sentence);
  });
});

test("parseExposed() leaves a range whole", () => {
  expect(parseExposed("8000-8002/udp")).toBe("8000-8002/udp");
  expect(parseExposed("80-80")).toBe("80/tcp");
  expect(() => parseExposed("8080:80")).toThrow("invalid port format for --expose");
});

describe("parseNetworkFlag()", () => {
  test.each([
    ["lan", { network: "lan" }],
    ["container:a", { network: "container:a" }],
    [
      'name=lan,alias=a,alias=b,ip=10.0.0.2,ip6=fd00::2,mac-address=02:00:00:00:00:01,link-local-ip=169.254.1.1,"driver-opt=a=b,c",gw-priority=-3',
      {
        network: "lan",
        aliases: ["a", "b"],
        ipv4: "10.0.0.2",
        ipv6: "fd00::2",
        macAddress: "02:00:00:00:00:01",
        linkLocal: ["169.254.1.1"],
        driverOptions: { a: "b,c" },
        gatewayPriority: -3,
      },
    ],
  ])("reads %p", (text, wanted) => {
    expect(parseNetworkFlag(text)).toEqual(wanted);
  });

  test.each([
    ["", "no name set for network"],
    ["alias=a", "network name/id is not specified"],
    ["name=a,foo=b", "invalid field key foo"],
    ["name=a,foo", "invalid field foo: must be a key=value pair"],
    ["name=a,gw-priority=high", "invalid gw-priority"],
    ["name=a,driver-opt=x", "invalid key value pair format in driver options"],
  ])("refuses %p", (text, sentence) => {
    expect(() => parseNetworkFlag(text)).toThrow(sentence);
  });
});

describe("toPools()", () => {
  const pools = (flags: Partial<Parameters<typeof toPools>[0]>): ReturnType<typeof toPools> =>
    toPools({ subnets: [], ranges: [], gateways: [], auxiliary: {}, ...flags });

  test("each thing goes to the subnet that has it", () => {
    expect(
      pools({
        subnets: ["10.1.0.0/16", "fd00:1::/64"],
        ranges: ["10.1.4.0/24"],
        gateways: ["fd00:1::9", "10.1.0.9"],
        auxiliary: { printer: "10.1.0.8" },
      }),
    ).toEqual([
      {
        Subnet: "10.1.0.0/16",
        IPRange: "10.1.4.0/24",
        Gateway: "10.1.0.9",
        AuxiliaryAddresses: { printer: "10.1.0.8" },
      },
      { Subnet: "fd00:1::/64", Gateway: "fd00:1::9" },
    ]);
  });

  test.each([
    [{ gateways: ["10.0.0.1"] }, "every ip-range or gateway must have a corresponding subnet"],
    [{ subnets: ["10.0.0.0/8", "10.1.0.0/16"] }, "multiple overlapping subnet"],
    [{ subnets: ["10.0.0.0/24"], gateways: ["10.0.1.1"] }, "no matching subnet for gateway 10.0.1.1"],
    [{ subnets: ["10.0.0.0/24"], gateways: ["10.0.0.1", "10.0.0.2"] }, "cannot configure multiple gateways"],
    [{ subnets: ["10.0.0.0/24"], ranges: ["10.0.0.0/16"] }, "no matching subnet for range"],
    [{ subnets: ["10.0.0.0/24"], auxiliary: { a: "10.1.0.1" } }, "no matching subnet for aux-address"],
    [{ subnets: ["nope"] }, "nope"],
  ])("%j is refused", (flags, sentence) => {
    expect(() => pools(flags)).toThrow(sentence);
  });
});
