import type { HostAddress, HostRoute, InterfaceAddress } from "../../linux/netlink/addresses.ts";
import type { Link } from "../../linux/netlink/links.ts";
import { firstOf, formatIpAddress, formatIpPrefix, widthOf } from "../../spec/ip-address.ts";
import type { NetworkPlan } from "../types.ts";

/** The kernel's state of a network's bridge. Addresses and routes of other interfaces are harmless. */
export interface BridgeState {
  readonly link: Link | undefined;
  readonly addresses: readonly HostAddress[];
  readonly routes: readonly HostRoute[];
  /** Whether containers are attached. KERNEL: a bridge without ports has no carrier, and may have no routes of IPv6. */
  readonly hasPorts: boolean;
}

/** The addresses that a bridge network's own interface has. */
export function gatewayAddresses(plan: NetworkPlan): readonly InterfaceAddress[] {
  return plan.subnets.flatMap(({ subnet, gateway }) => {
    const mode = subnet.address.family === 4 ? plan.gatewayMode4 : plan.gatewayMode6;
    return gateway === undefined || mode === "isolated" ? [] : [{ address: gateway, bits: subnet.bits }];
  });
}

export function hasSameAddress(
  list: readonly InterfaceAddress[],
  { address, bits }: InterfaceAddress,
): boolean {
  return list.some(
    (each) =>
      each.bits === bits && each.address.family === address.family && each.address.value === address.value,
  );
}

/** The gateway addresses whose subnet has no route through the bridge. */
export function missingRoutes(plan: NetworkPlan, state: BridgeState): readonly InterfaceAddress[] {
  const { link, routes, hasPorts } = state;
  if (link === undefined) return [];
  return gatewayAddresses(plan).filter(({ address, bits }) => {
    if (bits >= widthOf(address.family) || (address.family === 6 && !hasPorts)) return false;
    const wanted = { address: firstOf({ address, bits }), bits };
    return !routes.some(
      ({ index, prefix, gateway }) =>
        index === link.index && gateway === undefined && hasSameAddress([prefix], wanted),
    );
  });
}

/** The faults of a bridge, in words that follow the network's name. Pure. */
export function findBridgeFaults(plan: NetworkPlan, state: BridgeState): readonly string[] {
  const { link, addresses } = state;
  const name = plan.interfaceName;
  if (link === undefined) return [`its interface ${name} is gone`];
  if (link.kind !== "bridge") return [`its interface ${name} is no bridge`];
  const own = addresses.filter(({ index }) => index === link.index);
  const lost = gatewayAddresses(plan).filter((address) => !hasSameAddress(own, address));
  return [
    ...(link.isUp ? [] : [`its interface ${name} is down`]),
    ...lost.map(
      ({ address, bits }) => `its interface ${name} lacks the address ${formatIpAddress(address)}/${bits}`,
    ),
    // Both go with the interface's state and with the address.
    ...(link.isUp ? missingRoutes(plan, state) : [])
      .filter((address) => !hasSameAddress(lost, address))
      .map(
        ({ address, bits }) =>
          `no route leads to ${formatIpPrefix({ address: firstOf({ address, bits }), bits })} through its interface ${name}`,
      ),
  ];
}
