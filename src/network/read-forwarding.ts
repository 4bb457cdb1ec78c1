import { listRoutes } from "../linux/netlink/addresses.ts";
import { findNetworkSysctl } from "../linux/netlink/interface-sysctls.ts";
import type { Link } from "../linux/netlink/links.ts";
import type { NetlinkSocket } from "../linux/netlink/netlink-socket.ts";
import type { Forwarding } from "./find-forwarding-faults.ts";

/** Reads the host's treatment of packets that are not its own. */
export function readForwarding(
  route: NetlinkSocket,
  findByIndex: (index: number) => Link | undefined,
): Forwarding {
  const out = new Set(
    listRoutes(route)
      .filter(({ prefix }) => prefix.bits === 0)
      .map(({ index }) => index),
  );
  return {
    isOn: findNetworkSysctl("net.ipv4.ip_forward") !== "0",
    filtersBridges: findNetworkSysctl("net.bridge.bridge-nf-call-iptables") === "1",
    waysOut: [...out].flatMap((index) => findByIndex(index) ?? []),
  };
}
