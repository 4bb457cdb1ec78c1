import type { NetlinkSocket } from "../linux/netlink-socket.ts";
import type { OwnNames } from "./interface-names.ts";

/** What the drivers act with: sockets in the host's network namespace. */
export interface HostSide {
  readonly names: OwnNames;
  readonly route: NetlinkSocket;
  readonly note: (sentence: string) => void;
}
