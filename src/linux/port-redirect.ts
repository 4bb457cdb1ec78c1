import { errno } from "./errno.ts";
import { encodePortRedirect, type PortRedirect } from "./netlink/port-redirect.ts";
import { NetlinkFailure, NetlinkSocket } from "./netlink-socket.ts";

/**
 * Leads what programs of this network namespace send to a port of one of its own IPv4 addresses to another port of it,
 * by a table of that name. Nothing is translated by connection: a chain of nat would have the kernel keep track of every connection of the
 * namespace. Idempotent; a table with other ports is replaced.
 */
export function ensurePortRedirect(table: string, redirect: PortRedirect): void {
  using socket = new NetlinkSocket("netfilter");
  try {
    socket.sendTransaction(encodePortRedirect(table, { ...redirect, replace: false }));
  } catch (thrown) {
    // Not before: whoever deletes a table waits for all processors when the socket is closed.
    if (!(thrown instanceof NetlinkFailure) || thrown.errno !== errno.EEXIST) throw thrown;
    socket.sendTransaction(encodePortRedirect(table, { ...redirect, replace: true }));
  }
}
