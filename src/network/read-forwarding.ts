import { listRoutes } from "../linux/addresses.ts";
import { findNetworkSysctl } from "../linux/interface-sysctls.ts";
import type { Link } from "../linux/links.ts";
import type { NetlinkSocket } from "../linux/netlink-socket.ts";
import type { Forwarding } from "./find-forwarding-faults.ts";

/** What the host does with packets that are not its own. */
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
