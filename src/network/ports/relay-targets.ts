import type { PortAddress } from "../../linux/sockets/port-socket.ts";
import { formatIpAddress, hasAddress, type IpAddress } from "../../spec/ip-address.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";

/** A port of the host's IPv6 whose connections are relayed to a container's IPv4. */
export interface RelayTarget extends PortAddress {
  /** Zero: all of the host's. */
  readonly address: IpAddress;
  /** The container's. */
  readonly to: { readonly address: string; readonly port: number };
}

/** The first `most` ports that are to be relayed for an endpoint: those at IPv6 addresses of one with IPv4 alone. */
export function planRelays(plan: NetworkPlan, endpoint: EndpointPlan, most: number): readonly RelayTarget[] {
  const four = endpoint.addresses.find(({ address }) => address.family === 4)?.address;
  if (endpoint.relaysIpv6 !== true || four === undefined || plan.driver !== "bridge") return [];
  const to = formatIpAddress(four);
  const targets: RelayTarget[] = [];
  for (const { protocol, hostAddress = anySix, hostPort, containerPort, count } of endpoint.ports) {
    if (hostAddress.family !== 6 || protocol === "sctp") continue;
    for (let at = 0; at < count && targets.length < most; at++)
      targets.push({
        protocol,
        address: hostAddress,
        port: hostPort + at,
        to: { address: to, port: containerPort + at },
      });
  }
  return targets;
}

const anySix: IpAddress = { family: 6, value: 0n };

/**
 * Whether a caller is in an internal network: the firewall keeps those from published ports, but it does not see a
 * connection to the relay as one.
 */
export function isKeptOut(caller: IpAddress, plans: Iterable<NetworkPlan>): boolean {
  for (const { internal, subnets } of plans)
    if (internal && subnets.some(({ subnet }) => hasAddress(subnet, caller))) return true;
  return false;
}
