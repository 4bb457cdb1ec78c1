import { readFileSync } from "node:fs";
import { listAddresses, listRoutes } from "../linux/addresses.ts";
import { listLinks } from "../linux/links.ts";
import { openNetlink } from "../linux/netlink-socket.ts";
import { decodeIpAddress, firstOf, type IpAddress } from "../spec/ip-address.ts";
import type { HostNetwork } from "./networks.ts";
import type { PortProtocol, PublishedPorts } from "./types.ts";

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
    largeTcp: {
      ipv4: links.some(({ gsoSizes }) => gsoSizes.ipv4 !== undefined),
      ipv6: links.some(({ gsoSizes }) => gsoSizes.ipv6 !== undefined),
    },
  };
}

const LISTENING = "0A";

/** A socket of the host that has one of these ports: packets to it would reach the container instead. SPEC: proc_pid_net(5) */
export function findPortHolder(ports: PublishedPorts): { readonly port: number } | undefined {
  const files: Readonly<Record<PortProtocol, readonly string[]>> = {
    tcp: ["tcp", "tcp6"],
    udp: ["udp", "udp6"],
    sctp: [],
  };
  const held = files[ports.protocol].flatMap((file) => {
    try {
      return parseSockets(readFileSync(`/proc/thread-self/net/${file}`, "latin1"), ports.protocol);
    } catch {
      return []; // without IPv6
    }
  });
  const found = held.find(
    ({ port, address }) =>
      port >= ports.hostPort && port < ports.hostPort + ports.count && meets(address, ports.hostAddress),
  );
  return found === undefined ? undefined : { port: found.port };
}

interface HeldSocket {
  readonly address: IpAddress;
  readonly port: number;
}

/** TCP sockets that listen, and UDP sockets without a peer. */
export function parseSockets(text: string, protocol: PortProtocol): readonly HeldSocket[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", remote = "", state] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      const waits = protocol === "tcp" ? state === LISTENING : remote.endsWith(":0000");
      return waits && port !== ""
        ? [{ address: decodeSocketAddress(address), port: Number.parseInt(port, 16) }]
        : [];
    });
}

/** Words of four bytes, each as the machine has them. */
function decodeSocketAddress(digits: string): IpAddress {
  const bytes = Buffer.from(digits, "hex");
  for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  return decodeIpAddress(bytes);
}

function meets(held: IpAddress, wanted: IpAddress | undefined): boolean {
  if (wanted === undefined || held.value === 0n || wanted.value === 0n) return true;
  return held.family === wanted.family && held.value === wanted.value;
}
