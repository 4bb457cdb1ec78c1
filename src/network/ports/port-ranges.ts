import type { PortAddress } from "../../linux/sockets/port-socket.ts";
import type { IpFamily } from "../../spec/ip-address.ts";
import type { EndpointPlan, NetworkPlan, PublishedPorts } from "../types.ts";

/** A run of the host's ports, from `port` on. */
export interface HostPortRange extends PortAddress {
  readonly count: number;
}

/**
 * The host's ports whose packets the firewall translates to the container. Ports of SCTP are left out, and those of
 * networks that translate none: a program of the host that binds such a port receives its packets.
 */
export function chooseHostPortRanges(plan: NetworkPlan, endpoint: EndpointPlan): readonly HostPortRange[] {
  if (plan.driver !== "bridge" || plan.internal) return [];
  const families = ([4, 6] as const).filter((family) => {
    const mode = family === 4 ? plan.gatewayMode4 : plan.gatewayMode6;
    const isTranslated = mode === "nat" || mode === "nat-unprotected";
    return isTranslated && endpoint.addresses.some(({ address }) => address.family === family);
  });
  return endpoint.ports.flatMap((ports) => runsOf(ports, { plan, families }));
}

function runsOf(
  { protocol, hostAddress, hostPort, count }: PublishedPorts,
  { plan, families }: { readonly plan: NetworkPlan; readonly families: readonly IpFamily[] },
): readonly HostPortRange[] {
  if (protocol === "sctp") return [];
  const bindings = hostAddress === undefined ? plan.defaultBindings : [hostAddress];
  const run = { protocol, port: hostPort, count };
  if (bindings.length > 0) {
    return bindings.filter(({ family }) => families.includes(family)).map((address) => ({ ...run, address }));
  }
  if (families.length === 2) return [{ ...run, address: undefined }];
  return families.map((family) => ({ ...run, address: { family, value: 0n } }));
}

/** Port by port, the first of them all. */
export function firstPorts(runs: readonly HostPortRange[], most: number): readonly PortAddress[] {
  const ports: PortAddress[] = [];
  for (const { protocol, address, port, count } of runs) {
    const end = port + Math.min(count, most - ports.length);
    for (let at = port; at < end; at++) ports.push({ protocol, address, port: at });
  }
  return ports;
}

/** `tcp 4 0 8080`; `tcp * 8080`: of all addresses. */
export function keyOfPort({ protocol, address, port }: PortAddress): string {
  return `${protocol} ${address === undefined ? "*" : `${address.family} ${address.value}`} ${port}`;
}
