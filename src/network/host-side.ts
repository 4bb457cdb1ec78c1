import type { Link } from "../linux/netlink/links.ts";
import type { NetlinkSocket } from "../linux/netlink/netlink-socket.ts";
import type { OwnNames } from "./interface-names.ts";
import type { ChildLink } from "./child-links/child-link.ts";
import type { EndpointId } from "../model/ids.ts";

/** The sockets of the drivers in the host's network namespace. */
export interface HostSide {
  readonly names: OwnNames;
  readonly route: NetlinkSocket;
  /** Bridges that had what they should when a container was put on them, by their names. */
  readonly bridges: Map<string, Link>;
  /** Containers' interfaces of the kinds macvlan and ipvlan. */
  readonly childLinks: Map<EndpointId, ChildLink>;
  readonly note: (sentence: string) => void;
}
