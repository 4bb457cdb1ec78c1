import { describe, expect, test } from "bun:test";
import { isKeptOut, planRelays } from "../../../src/network/ports/relay-targets.ts";
import { formatIpAddress, parseIpAddress } from "../../../src/spec/ip-address.ts";
import { bridgePlan, endpointPlan, ports } from "../../support/network-plans.ts";

const dual = bridgePlan("relayed", 40);
const plan = { ...dual, ipv6: false, subnets: dual.subnets.slice(0, 1) };

describe("planRelays()", () => {
  const planned = (published: readonly string[], { relaysIpv6 = true, most = 100 } = {}) =>
    planRelays(plan, endpointPlan(plan, 2, { ports: ports(...published), relaysIpv6 }), most).map(
      ({ protocol, address, port, to }) =>
        `${protocol} ${formatIpAddress(address)} ${port} ${to.address} ${to.port}`,
    );

  test("has one for each port at IPv6 addresses, and at all addresses", () => {
    expect(planned(["tcp 8080+2:80", "udp [::1]:53:53", "tcp 127.0.0.1:81:81", "sctp 9:9"])).toEqual([
      "tcp :: 8080 172.30.40.2 80",
      "tcp :: 8081 172.30.40.2 81",
      "udp ::1 53 172.30.40.2 53",
    ]);
  });

  test("has no more than it may, and none of what is not to be relayed", () => {
    expect(planned(["tcp 8000+1000:8000", "tcp 1:1"], { most: 3 })).toHaveLength(3);
    expect(planned(["tcp 8080:80"], { relaysIpv6: false })).toEqual([]);
  });
});

test("isKeptOut() knows callers of internal networks alone", () => {
  const internal = bridgePlan("inside", 41, { internal: true });
  const keptOut = (text: string) => isKeptOut(parseIpAddress(text), [dual, internal]);
  expect(keptOut("fd00:30:41::7")).toBe(true);
  for (const text of ["fd00:30:40::7", "::1", "2001:db8::1"]) expect(keptOut(text)).toBe(false);
});
