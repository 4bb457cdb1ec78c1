import { createHash } from "node:crypto";
import { bridgeNameOf } from "../../src/network/interface-names.ts";
import type { EndpointPlan, NetworkPlan, PublishedPorts } from "../../src/network/types.ts";
import { parseIpAddress, parseIpPrefix } from "../../src/spec/ip-address.ts";
import type { EndpointId, NetworkId } from "../../src/model/ids.ts";
import { asId } from "./ids.ts";

function idOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Dual stack 172.30.N.0/24, fd00:30:N::/64 by default. */
export function bridgePlan(name: string, number: number, changes: Partial<NetworkPlan> = {}): NetworkPlan {
  const id = idOf(`network ${name}`);
  const subnets = [
    {
      subnet: parseIpPrefix(`172.30.${number}.0/24`),
      gateway: parseIpAddress(`172.30.${number}.1`),
      auxiliary: {},
    },
    {
      subnet: parseIpPrefix(`fd00:30:${number}::/64`),
      gateway: parseIpAddress(`fd00:30:${number}::1`),
      auxiliary: {},
    },
  ];
  return {
    id: asId<NetworkId>(id),
    name,
    driver: "bridge",
    ipv4: true,
    ipv6: true,
    internal: false,
    interContainer: true,
    mtu: 1500,
    interfaceName: bridgeNameOf(asId<NetworkId>(id)),
    gatewayMode4: "nat",
    gatewayMode6: "nat",
    masquerade: true,
    defaultBindings: [],
    subnets,
    ...changes,
  };
}

export function endpointPlan(
  plan: NetworkPlan,
  last: number,
  changes: Partial<EndpointPlan> = {},
): EndpointPlan {
  const subnets = plan.subnets;
  return {
    id: asId<EndpointId>(idOf(`endpoint ${plan.name} ${last}`)),
    networkId: plan.id,
    macAddress: `02:42:ac:1e:00:${last.toString(16).padStart(2, "0")}`,
    addresses: subnets.map(({ subnet }) => ({
      address: { ...subnet.address, value: subnet.address.value + BigInt(last) },
      bits: subnet.bits,
    })),
    linkLocal: [],
    interfaceName: "eth0",
    defaultGateways: plan.internal
      ? []
      : subnets.flatMap(({ gateway }) => (gateway === undefined ? [] : [gateway])),
    sysctls: {},
    ports: [],
    ...changes,
  };
}

/** `tcp 8080:80`, `udp 127.0.0.1:53:53`, `tcp 9000+1000:9000`, `tcp [::1]:80:80` */
export function ports(...texts: readonly string[]): readonly PublishedPorts[] {
  return texts.map((text) => {
    const match = /^(\w+) (?:\[?([\d.]+|[\da-f:]+)\]?:)??(\d+)(?:\+(\d+))?:(\d+)$/.exec(text);
    if (match === null) throw new Error(`cannot read the ports "${text}"`);
    const [, protocol, address, hostPort, count, containerPort] = match;
    return {
      protocol: protocol as "tcp",
      ...(address === undefined ? {} : { hostAddress: parseIpAddress(address) }),
      hostPort: Number(hostPort),
      containerPort: Number(containerPort),
      count: Number(count ?? 1),
    };
  });
}
