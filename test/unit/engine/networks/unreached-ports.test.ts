import { expect, test } from "bun:test";
import { describeUnreached } from "../../../../src/engine/networks/unreached-ports.ts";
import type { PortSpec } from "../../../../src/model/networks.ts";
import type { NetworkPlan } from "../../../../src/network/types.ts";
import { bridgePlan } from "../../../support/network-plans.ts";

const both = bridgePlan("both", 1);
const four: NetworkPlan = { ...both, ipv6: false, subnets: both.subnets.slice(0, 1) };
const six: NetworkPlan = { ...both, ipv4: false, subnets: both.subnets.slice(1) };
const at = (hostAddress: string): PortSpec => ({ hostAddress, hostPort: 8080, containerPort: 80 });

test("describeUnreached() names ports of a family that no network has, where one has the other", () => {
  expect(describeUnreached([at("::1"), at("127.0.0.1")], [four])).toEqual([
    "port [::1]:8080/tcp leads nowhere: the container's networks have no IPv6, and nothing is translated to IPv4",
  ]);
  expect(describeUnreached([{ hostAddress: "10.0.0.1", containerPort: 80, protocol: "udp" }], [six])).toEqual(
    [
      "port 80/udp at 10.0.0.1 leads nowhere: the container's networks have no IPv4, and nothing is translated to IPv6",
    ],
  );
});

test("describeUnreached() says nothing of what is reached, or of networks that publish nothing at all", () => {
  expect(describeUnreached([at("::1"), at("127.0.0.1")], [both])).toEqual([]);
  expect(describeUnreached([at("::1"), at("127.0.0.1")], [four, six])).toEqual([]);
  expect(describeUnreached([{ hostPort: 8080, containerPort: 80 }], [four])).toEqual([]);
  expect(describeUnreached([at("::1")], [{ ...four, internal: true }])).toEqual([]);
  expect(describeUnreached([at("::1")], [{ ...four, driver: "macvlan" }])).toEqual([]);
  // What is relayed is reached; nothing is relayed from IPv4, and nothing of SCTP.
  expect(describeUnreached([at("::1")], [four], { relaysIpv6: true })).toEqual([]);
  expect(describeUnreached([at("127.0.0.1")], [six], { relaysIpv6: true })).toHaveLength(1);
  expect(describeUnreached([{ ...at("::1"), protocol: "sctp" }], [four], { relaysIpv6: true })).toHaveLength(
    1,
  );
});
