import type { Link } from "../linux/links.ts";
import type { NetlinkSocket } from "../linux/netlink-socket.ts";
import type { OwnNames } from "./interface-names.ts";

/** What the drivers act with: sockets in the host's network namespace. */
export interface HostSide {
  readonly names: OwnNames;
  readonly route: NetlinkSocket;
  /** Bridges that had what they should when a container was put on them, by their names. */
  readonly bridges: Map<string, Link>;
  readonly note: (sentence: string) => void;
}
