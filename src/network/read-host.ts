import { listAddresses, listRoutes } from "../linux/addresses.ts";
import { listLinks } from "../linux/links.ts";
import { openNetlink } from "../linux/netlink-socket.ts";
import { listWaitingSockets } from "../linux/waiting-sockets.ts";
import { firstOf, type IpAddress } from "../spec/ip-address.ts";
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

/** A socket of the host that has one of these ports: packets to it would reach the container instead. */
export function findPortHolder(ports: PublishedPorts): { readonly port: number } | undefined {
  const { protocol, hostPort, count, hostAddress } = ports;
  if (protocol === "sctp") return undefined; // no list says who has them
  const found = listWaitingSockets(protocol, count === 1 ? { port: hostPort } : {}).find(
    ({ port, address }) => port >= hostPort && port < hostPort + count && meets(address, hostAddress),
  );
  return found === undefined ? undefined : { port: found.port };
}

function meets(held: IpAddress, wanted: IpAddress | undefined): boolean {
  if (wanted === undefined || held.value === 0n || wanted.value === 0n) return true;
  return held.family === wanted.family && held.value === wanted.value;
}
