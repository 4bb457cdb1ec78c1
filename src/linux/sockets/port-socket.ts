import { type IpAddress, parseIpAddress } from "../../spec/ip-address.ts";
import { errno } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { openInetSocket, tryBind } from "./inet-socket.ts";
import { addressOf, attempt, SyscallFailure } from "../kernel/syscall.ts";
import { findPortUse } from "./waiting-sockets.ts";

// <asm-generic/socket.h>, <linux/in.h>, <linux/in6.h>
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ATTACH_FILTER = 26;
const SOL_IP = 0;
const IP_FREEBIND = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** A port of the host, at one address or at all of them. */
export interface PortAddress {
  readonly protocol: "tcp" | "udp";
  /** Undefined: all addresses of both families. An address need not be the host's. Zero: all of its family. */
  readonly address: IpAddress | undefined;
  readonly port: number;
}

/**
 * Opens a socket that no packet reaches: while it is open, no other process can bind its port. `taken`: another program
 * has bound it. `busy`: a connection of this host uses the port, or the kernel refuses the socket. The caller disposes
 * of it.
 */
export function holdPort(place: PortAddress): OwnedFd | "taken" | "busy" {
  const { protocol, port } = place;
  try {
    using socket = openFor(place);
    const address = place.address ?? (socket.isSix ? anySix : anyFour);
    if (tryBind(socket.fd, { address, port })) return new OwnedFd(socket.move());
    const use = findPortUse(protocol, { port, address: place.address });
    if (use === "bound") return "taken";
    if (protocol === "udp") return "busy";
    // KERNEL: connections that are ending are in the way only of a socket that does not allow it. The next one must not
    // share the port.
    setOption(socket.fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!tryBind(socket.fd, { address, port })) return "busy";
    setOption(socket.fd, SOL_SOCKET, SO_REUSEADDR, 0);
    return new OwnedFd(socket.move());
  } catch (thrown) {
    if (thrown instanceof SyscallFailure) return "busy";
    throw thrown;
  }
}

const anyFour = parseIpAddress("0.0.0.0");
const anySix = parseIpAddress("::");

class PortSocket extends OwnedFd {
  readonly isSix: boolean;

  constructor(fd: Fd, isSix: boolean) {
    super(fd);
    this.isSix = isSix;
  }
}

function openFor({ protocol, address }: PortAddress): PortSocket {
  using opened = openSocket(protocol, address);
  const { fd, isSix } = opened;
  if (isSix) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, address === undefined ? 0 : 1);
  if (address !== undefined && address.value !== 0n) setOption(fd, SOL_IP, IP_FREEBIND, 1);
  if (protocol === "udp") refusePackets(fd);
  return new PortSocket(opened.move(), isSix);
}

/** One socket of IPv6 has the port of both families; a kernel without IPv6 has one. */
function openSocket(protocol: "tcp" | "udp", address: IpAddress | undefined): PortSocket {
  const wanted = address?.family ?? 6;
  try {
    return new PortSocket(openInetSocket(wanted, protocol).move(), wanted === 6);
  } catch (thrown) {
    const isAbsent = thrown instanceof SyscallFailure && thrown.errno === errno.EAFNOSUPPORT;
    if (!isAbsent || address !== undefined) throw thrown;
    return new PortSocket(openInetSocket(4, protocol).move(), false);
  }
}

/**
 * SPEC: socket(7), bpf(4). One instruction: accept no byte. A socket of TCP that does not listen receives nothing
 * anyway.
 */
function refusePackets(fd: Fd): void {
  const accept0 = Buffer.from([0x06, 0, 0, 0, 0, 0, 0, 0]);
  const program = Buffer.alloc(16);
  program.writeUInt16LE(1, 0);
  program.writeBigUInt64LE(addressOf(accept0), 8);
  attempt("setsockopt", fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.length);
}

function setOption(fd: Fd, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  attempt("setsockopt", fd, level, option, bytes, bytes.length);
}
