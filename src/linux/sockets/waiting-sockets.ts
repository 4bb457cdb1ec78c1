import { readFileSync } from "node:fs";
import { decodeIpAddress, type IpAddress } from "../../spec/ip-address.ts";
import { errno } from "../kernel/errno.ts";
import { NetlinkFailure, openNetlink } from "../netlink/netlink-socket.ts";
import type { NetlinkReply } from "../netlink/message.ts";
import { SyscallFailure } from "../kernel/syscall.ts";
import { isForcedAbsent } from "../kernel/without.ts";

/** A socket of this host that packets to its port reach. */
export interface WaitingSocket {
  /** Zero: all addresses. */
  readonly address: IpAddress;
  readonly port: number;
}

// <linux/sock_diag.h>, <linux/inet_diag.h>
const SOCK_DIAG_BY_FAMILY = 20;
const requestBytes = 56;
const sourcePortOffset = 8;
const AF_INET = 2;
const AF_INET6 = 10;
const protocols = { tcp: 6, udp: 17 } as const;
/** Bits of the states of <net/tcp_states.h>: a UDP socket without a peer is in TCP_CLOSE. */
const waitingStates = { tcp: 1 << 10, udp: 1 << 7 } as const;
/**
 * KERNEL(6.8): a socket of TCP that is bound and does nothing else is listed where bit 13 asks for it, in TCP_CLOSE.
 */
const boundStates: Readonly<Record<"tcp" | "udp", readonly number[]>> = { tcp: [7, 10], udp: [7] };
const allStates = 0xffff;
const listening = "0A";
const noPeer = ":0000";

/**
 * TCP sockets that listen, and UDP sockets without a peer, of this thread's network namespace; `port`: only those with
 * it. KERNEL: /proc/net/tcp looks into every bucket of the table of connections, 5 ms for each family on a machine with
 * 24 GB; sock_diag only into those of the sockets that listen.
 */
export function listWaitingSockets(
  protocol: "tcp" | "udp",
  options: { readonly port?: number | undefined } = {},
): readonly WaitingSocket[] {
  return listByDiagnosis(protocol, options) ?? listByFiles(protocol);
}

/**
 * Finds the reason why a port in use cannot be bound: a bound socket, or only connections of this host with that port.
 */
export function findPortUse(
  protocol: "tcp" | "udp",
  { port, address }: { readonly port: number; readonly address: IpAddress | undefined },
): "bound" | "connection" {
  const found = listByDiagnosis(protocol, { port, states: allStates });
  if (found === undefined) {
    const isWaiting = listByFiles(protocol).some(
      (each) => each.port === port && meets(each.address, address),
    );
    return isWaiting ? "bound" : "connection";
  }
  const near = found.filter((each) => meets(each.address, address));
  const isBound = near.some(({ state }) => boundStates[protocol].includes(state));
  // An older kernel lists no socket that is only bound.
  return isBound || near.length === 0 ? "bound" : "connection";
}

/** Whether sockets at these two addresses are in each other's way; undefined and zero: all addresses. */
export function meets(held: IpAddress, wanted: IpAddress | undefined): boolean {
  if (wanted === undefined || held.value === 0n || wanted.value === 0n) return true;
  return held.family === wanted.family && held.value === wanted.value;
}

/** Undefined on a kernel without CONFIG_INET_DIAG, or that of the protocol. */
function listByDiagnosis(
  protocol: "tcp" | "udp",
  {
    port = 0,
    states = waitingStates[protocol],
  }: { readonly port?: number | undefined; readonly states?: number | undefined },
): readonly (WaitingSocket & { readonly state: number })[] | undefined {
  if (isForcedAbsent("sock_diag")) return undefined;
  try {
    using socket = openNetlink("sock_diag");
    return [AF_INET, AF_INET6].flatMap((family) => {
      const payload = Buffer.alloc(requestBytes);
      payload.writeUInt8(family, 0);
      payload.writeUInt8(protocols[protocol], 1);
      payload.writeUInt32LE(states, 4);
      payload.writeUInt16BE(port, sourcePortOffset);
      const about = `list the ${protocol} sockets of this host`;
      return socket.dump({ type: SOCK_DIAG_BY_FAMILY, flags: 0, payload, about }).map(decodeSocket);
    });
  } catch (thrown) {
    const isAbsent = thrown instanceof NetlinkFailure && thrown.errno === errno.ENOENT;
    if (isAbsent || thrown instanceof SyscallFailure) return undefined;
    throw thrown;
  }
}

/**
 * struct inet_diag_msg: the family, the state and two timers in a byte each, then the ports and the addresses as they
 * are sent.
 */
function decodeSocket({ payload }: NetlinkReply): WaitingSocket & { readonly state: number } {
  const end = payload.readUInt8(0) === AF_INET ? 12 : 24;
  return {
    address: decodeIpAddress(payload.subarray(8, end)),
    port: payload.readUInt16BE(4),
    state: payload.readUInt8(1),
  };
}

function listByFiles(protocol: "tcp" | "udp"): readonly WaitingSocket[] {
  return [protocol, `${protocol}6`].flatMap((file) => {
    try {
      return parseSockets(readFileSync(`/proc/thread-self/net/${file}`, "latin1"), protocol);
    } catch {
      return []; // without IPv6
    }
  });
}

/** Of the text of /proc/net/tcp, udp, tcp6 or udp6. */
export function parseSockets(text: string, protocol: "tcp" | "udp"): readonly WaitingSocket[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", remote = "", state] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      const waits = protocol === "tcp" ? state === listening : remote.endsWith(noPeer);
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
