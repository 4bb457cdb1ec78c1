import { listAddresses, listRoutes } from "../linux/netlink/addresses.ts";
import { listLinks } from "../linux/netlink/links.ts";
import { openNetlink } from "../linux/netlink/netlink-socket.ts";
import { holdPort, type PortAddress } from "../linux/sockets/port-socket.ts";
import { listWaitingSockets, meets } from "../linux/sockets/waiting-sockets.ts";
import { firstOf, parseIpAddress } from "../spec/ip-address.ts";
import { hasBypass } from "./bridge/bridge-bypass.ts";
import type { HostNetwork } from "./networks.ts";
import type { PublishedPorts } from "./types.ts";

/** Of the network namespace that this thread is in. */
export function readHostNetwork(): HostNetwork {
  using socket = openNetlink("route");
  const links = listLinks(socket);
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const nameOf = (index: number): string => names.get(index) ?? "";
  return {
    interfaces: [...names.values()],
    routes: listRoutes(socket)
      .filter(({ prefix }) => prefix.bits > 0)
      .map(({ prefix, index }) => ({ prefix, interfaceName: nameOf(index) })),
    addresses: listAddresses(socket).map(({ address, bits, index }) => ({
      address,
      prefix: { address: firstOf({ address, bits }), bits },
      interfaceName: nameOf(index),
    })),
    bypass: hasBypass(socket),
    largeTcp: {
      ipv4: links.some(({ gsoSizes }) => gsoSizes.ipv4 !== undefined),
      ipv6: links.some(({ gsoSizes }) => gsoSizes.ipv6 !== undefined),
    },
  };
}

/** Whether a program can listen at the loopback of IPv6: not where it is switched off. */
export function hasIpv6(): boolean {
  const socket = holdPort({ protocol: "udp", address: parseIpAddress("::1"), port: 0 });
  if (typeof socket === "string") return false;
  socket[Symbol.dispose]();
  return true;
}

/** Sockets that hold published ports for containers. */
interface OwnSockets {
  hasPort(protocol: PortAddress["protocol"], port: number): boolean;
  isOwn(port: PortAddress): boolean;
}

/** A port of these that a program of the host has bound: packets to it would reach the container instead. */
export function findPortHolder(
  { protocol, hostPort, count, hostAddress }: PublishedPorts,
  own?: OwnSockets,
): { readonly port: number } | undefined {
  if (protocol === "sctp") return undefined; // no list names their owner
  if (count === 1 && own?.hasPort(protocol, hostPort) !== true) {
    const socket = holdPort({ protocol, address: hostAddress, port: hostPort });
    if (socket === "taken") return { port: hostPort };
    if (socket !== "busy") socket[Symbol.dispose]();
    return undefined;
  }
  const found = listWaitingSockets(protocol, count === 1 ? { port: hostPort } : {}).find(
    ({ port, address }) =>
      port >= hostPort &&
      port < hostPort + count &&
      meets(address, hostAddress) &&
      own?.isOwn({ protocol, address, port }) !== true,
  );
  return found === undefined ? undefined : { port: found.port };
}
