import { Failure } from "../../base/failure.ts";
import { errno } from "../kernel/errno.ts";
import { encodePortRedirect, type PortRedirect, type RedirectHook } from "./port-redirect-requests.ts";
import { NetlinkFailure, NetlinkSocket } from "./netlink-socket.ts";
import { isForcedAbsent } from "../kernel/without.ts";

/**
 * Leads what programs of this network namespace send to a port of one of its own IPv4 addresses to another port of it,
 * by a table of that name. Nothing is translated by connection: a chain of nat would have the kernel keep track of
 * every connection of the namespace. Idempotent; a table with other ports is replaced.
 */
export function ensurePortRedirect(table: string, redirect: PortRedirect): void {
  if (isForcedAbsent("nf_tables"))
    throw new Failure("unsupported", "cannot redirect a port: TARE_WITHOUT says nf_tables");
  using socket = new NetlinkSocket("netfilter");
  if (isForcedAbsent("nf_tables-netdev")) return makeAt(socket, "output", table, redirect);
  try {
    makeAt(socket, "loopback-ingress", table, redirect);
  } catch (thrown) {
    if (!hasErrno(thrown, errno.EOPNOTSUPP)) throw thrown;
    makeAt(socket, "output", table, redirect);
  }
}

function makeAt(socket: NetlinkSocket, hook: RedirectHook, table: string, redirect: PortRedirect): void {
  try {
    socket.sendTransaction(encodePortRedirect(table, { ...redirect, hook, replace: false }));
  } catch (thrown) {
    // Only now: deleting a table makes the close of the socket wait for all processors.
    if (!hasErrno(thrown, errno.EEXIST)) throw thrown;
    socket.sendTransaction(encodePortRedirect(table, { ...redirect, hook, replace: true }));
  }
}

function hasErrno(thrown: unknown, number: number): boolean {
  return thrown instanceof NetlinkFailure && thrown.errno === number;
}
