import { listAddresses, listRoutes } from "../../linux/netlink/addresses.ts";
import { findLink } from "../../linux/netlink/links.ts";
import type { NetlinkSocket } from "../../linux/netlink/netlink-socket.ts";
import type { NetworkPlan } from "../types.ts";
import type { BridgeState } from "./bridge-faults.ts";

/** Reads the kernel's state of a network's bridge. */
export function readBridge(
  route: NetlinkSocket,
  { interfaceName }: NetworkPlan,
  { hasPorts }: { readonly hasPorts: boolean },
): BridgeState {
  return {
    link: findLink(route, interfaceName),
    addresses: listAddresses(route),
    routes: listRoutes(route),
    hasPorts,
  };
}
