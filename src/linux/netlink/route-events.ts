import type { NetlinkSocket } from "./netlink-socket.ts";
import { openNetlink } from "./netlink-socket.ts";
import { attributeMap, parseAttributes, textOf } from "./attributes.ts";
import type { NetlinkReply } from "./message.ts";

// <linux/rtnetlink.h>
const RTNLGRP_LINK = 1;
const RTNLGRP_IPV4_IFADDR = 5;
const RTNLGRP_IPV4_ROUTE = 7;
const RTNLGRP_IPV6_IFADDR = 9;
const RTNLGRP_IPV6_ROUTE = 11;
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_DELADDR = 21;
const RTM_DELROUTE = 25;
const AF_BRIDGE = 7;
const IFF_UP = 1;
const LINK_INFO_BYTES = 16;
const ROUTE_INFO_BYTES = 12;
const RTA_OIF = 4;

/** The content of one kernel message about an interface. */
export interface RouteEvent {
  /**
   * `up`, `down`: the interface exists and has this state. `gone`: it was deleted. `off-bridge`: it is no longer a port
   * of its bridge. `lost-address`, `lost-route`: an address of it or a route through it was deleted.
   */
  readonly change: "up" | "down" | "gone" | "off-bridge" | "lost-address" | "lost-route";
  readonly index: number;
  /** "" for addresses and routes. */
  readonly name: string;
}

/**
 * A socket that receives the changes of links, addresses and routes in this thread's network namespace. The caller
 * disposes of it.
 */
export function openRouteEvents(): NetlinkSocket {
  using opening = new DisposableStack();
  const socket = opening.use(openNetlink("route"));
  socket.join(RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE);
  opening.move();
  return socket;
}

/** In the order in which they happened. New addresses and routes are left out. */
export function parseRouteEvents(messages: readonly NetlinkReply[]): readonly RouteEvent[] {
  return messages.flatMap((message) => parseRouteEvent(message) ?? []);
}

function parseRouteEvent({ type, payload }: NetlinkReply): RouteEvent | undefined {
  if (type === RTM_DELADDR) return { change: "lost-address", index: payload.readUInt32LE(4), name: "" };
  if (type === RTM_DELROUTE) {
    const index = attributeMap(payload, ROUTE_INFO_BYTES).get(RTA_OIF)?.readUInt32LE(0);
    return index === undefined ? undefined : { change: "lost-route", index, name: "" };
  }
  if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return undefined;
  const isPort = payload.readUInt8(0) === AF_BRIDGE;
  const link = { index: payload.readInt32LE(4), name: nameOf(payload) };
  if (type === RTM_DELLINK) return { change: isPort ? "off-bridge" : "gone", ...link };
  if (isPort) return undefined;
  return { change: (payload.readUInt32LE(8) & IFF_UP) === 0 ? "down" : "up", ...link };
}

/** KERNEL: the name is the first attribute of a link; rtnl_fill_ifinfo(), br_fill_ifinfo(). */
function nameOf(payload: Buffer): string {
  const length = payload.length < LINK_INFO_BYTES + 4 ? 0 : payload.readUInt16LE(LINK_INFO_BYTES);
  const [first] = parseAttributes(payload.subarray(0, LINK_INFO_BYTES + length), LINK_INFO_BYTES);
  return textOf(first?.payload);
}
