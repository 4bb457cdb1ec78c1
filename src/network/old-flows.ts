import { forgetFlowsOf, forgetUdpTo } from "../linux/netlink/conntrack.ts";
import type { NetlinkSocket } from "../linux/netlink/netlink-socket.ts";
import type { EndpointPlan, PublishedPorts } from "./types.ts";

/** Old UDP flows are not searched for ranges of more ports. */
const MOST_PORTS = 64;

/** A client that sends to a port all the time has a flow from before it was published, or from after it was closed. */
export function forgetFlowsTo(
  netfilter: NetlinkSocket,
  { addresses }: EndpointPlan,
  ports: readonly PublishedPorts[],
): void {
  for (const { protocol, hostPort, count } of ports) {
    if (protocol !== "udp" || count > MOST_PORTS) continue;
    for (const { address } of addresses) {
      for (let at = 0; at < count; at++)
        forgetUdpTo(netfilter, { family: address.family, port: hostPort + at });
    }
  }
}

/** Of a container that has ended: the next container with its address receives nothing of them. */
export async function forgetFlowsFrom(netfilter: NetlinkSocket, { addresses }: EndpointPlan): Promise<void> {
  await forgetFlowsOf(
    netfilter,
    addresses.map(({ address }) => address),
  );
}
