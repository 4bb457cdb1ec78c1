import { Failure } from "../../base/failure.ts";
import { listAddresses, listRoutes } from "../../linux/netlink/addresses.ts";
import { findLink } from "../../linux/netlink/links.ts";
import type { NetlinkSocket } from "../../linux/netlink/netlink-socket.ts";
import { firstOf, formatIpPrefix, type IpPrefix } from "../../spec/ip-address.ts";
import { findOverlap } from "../pick-subnet.ts";
import type { NetworkPlan } from "../types.ts";

/**
 * Throws "conflict" with details.subnet and details.interface where a route or an address of the host is in the
 * network's subnet.
 */
export function refuseTakenSubnet(route: NetlinkSocket, { subnets }: NetworkPlan): void {
  const taken = takenPrefixes(route);
  for (const { subnet } of subnets) {
    const other = findOverlap(subnet, [...taken.keys()]);
    if (other === undefined) continue;
    const name = findLink(route, taken.get(other) ?? 0)?.name ?? "";
    const details = { subnet: formatIpPrefix(subnet), interface: name };
    throw new Failure(
      "conflict",
      `its subnet ${details.subnet} overlaps with ${formatIpPrefix(other)} of the interface ${name}; remove that interface, or make the network again with another subnet`,
      { details },
    );
  }
}

/** Subnets that the host reaches or is in, default routes left out → index of the interface. */
function takenPrefixes(route: NetlinkSocket): ReadonlyMap<IpPrefix, number> {
  return new Map([
    ...listRoutes(route)
      .filter(({ prefix }) => prefix.bits > 0)
      .map(({ prefix, index }) => [prefix, index] as const),
    ...listAddresses(route).map(
      ({ address, bits, index }) => [{ address: firstOf({ address, bits }), bits }, index] as const,
    ),
  ]);
}
