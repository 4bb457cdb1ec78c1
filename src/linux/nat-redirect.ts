import { errno } from "./errno.ts";
import { encodeNatRedirect, type NatRedirect } from "./netlink/nat-redirect.ts";
import { NetlinkFailure, NetlinkSocket } from "./netlink-socket.ts";

/**
 * Leads what programs of this network namespace send to a port of one of its own IPv4 addresses to another port of it,
 * by a table of that name. Idempotent; one with other ports is replaced.
 */
export function ensureNatRedirect(table: string, redirect: NatRedirect): void {
  using socket = new NetlinkSocket("netfilter");
  try {
    socket.sendTransaction(encodeNatRedirect(table, { ...redirect, replace: false }));
  } catch (thrown) {
    // Not before: whoever deletes a table waits for all processors when the socket is closed.
    if (!(thrown instanceof NetlinkFailure) || thrown.errno !== errno.EEXIST) throw thrown;
    socket.sendTransaction(encodeNatRedirect(table, { ...redirect, replace: true }));
  }
}
