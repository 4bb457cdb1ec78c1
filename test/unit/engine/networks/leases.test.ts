import { expect, test } from "bun:test";
import { Leases } from "../../../../src/engine/networks/leases.ts";
import type { ContainerId, EndpointId, NetworkId } from "../../../../src/model/ids.ts";
import type { EndpointPlan, PublishedPorts } from "../../../../src/network/types.ts";
import { parseIpAddress } from "../../../../src/spec/ip-address.ts";
import { asId } from "../../../support/ids.ts";

const ports: PublishedPorts = { protocol: "tcp", hostPort: 80, containerPort: 80, count: 10 };
const address = parseIpAddress("10.0.0.2");

function plan(id: string, own: readonly PublishedPorts[] = []): EndpointPlan {
  return {
    id: asId<EndpointId>(id),
    networkId: asId<NetworkId>("net"),
    macAddress: "02:42:0a:00:00:02",
    addresses: [{ address, bits: 24 }],
    linkLocal: [],
    interfaceName: "eth0",
    defaultGateways: [],
    sysctls: {},
    ports: own,
  };
}

test("Leases tell who has an address until the last who has it gives it back", () => {
  const leases = new Leases();
  expect(leases.addressesIn("net").has(address)).toBe(false);
  leases.add("a" as ContainerId, plan("1"));
  leases.add("a" as ContainerId, plan("1")); // again, as it is
  leases.add("b" as ContainerId, plan("2")); // takes over while the first is on its way out
  expect(leases.addressesIn("net").size).toBe(1);
  leases.remove("1");
  expect(leases.addressesIn("net").has(address)).toBe(true);
  leases.remove("2");
  leases.remove("2");
  expect(leases.addressesIn("net").has(address)).toBe(false);
  expect(leases.inNetwork("net")).toEqual([]);
});

test("Leases tell the ports of others, as they are now", () => {
  const leases = new Leases();
  leases.add("a" as ContainerId, plan("1", [ports]));
  leases.add("b" as ContainerId, plan("2"));
  expect(leases.ports("b" as ContainerId)).toEqual([{ ports, containerId: "a" as ContainerId }]);
  expect(leases.ports("a" as ContainerId)).toEqual([]);
  leases.add("a" as ContainerId, plan("1"));
  expect(leases.ports()).toEqual([]);
  leases.add("a" as ContainerId, plan("1", [ports]));
  leases.remove("1");
  expect(leases.ports()).toEqual([]);
});

test("Leases.rest() gives ports back at once, and addresses only when the link is gone", () => {
  const leases = new Leases();
  leases.add("a" as ContainerId, plan("1", [ports]));
  leases.rest("1");
  expect(leases.ports()).toEqual([]);
  expect(leases.inNetwork("net")).toEqual([]);
  expect(leases.all()).toEqual([]);
  expect(leases.restingIn("net")).toEqual([asId<EndpointId>("1")]);
  expect(leases.restingOf("a" as ContainerId)).toEqual([asId<EndpointId>("1")]);
  expect(leases.restingOf("b" as ContainerId)).toEqual([]);
  expect(leases.addressesIn("net").has(address)).toBe(true);
  leases.remove("1");
  leases.rest("1");
  expect(leases.restingIn("net")).toEqual([]);
  expect(leases.addressesIn("net").has(address)).toBe(false);
});
