import { decodeIpAddress, encodeIpAddress, type IpAddress, type IpFamily } from "../../spec/ip-address.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../constants/open.ts";
import { errno } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { attempt, call, SyscallFailure } from "../kernel/syscall.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const MSG_NOSIGNAL = 0x4000;

/** An address and a port: one end of UDP or TCP. */
export interface InetEndpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/** In the network namespace that the calling thread is in; it stays there. Does not block. */
export function openInetSocket(family: IpFamily, protocol: "udp" | "tcp"): OwnedFd {
  const type = (protocol === "udp" ? SOCK_DGRAM : SOCK_STREAM) | O_CLOEXEC | O_NONBLOCK;
  return new OwnedFd(call("socket", family === 4 ? AF_INET : AF_INET6, type, 0));
}

/** A server that comes back may have its address at once, connections that are still ending or not. */
export function reuseAddress(fd: Fd): void {
  const on = Buffer.alloc(4);
  on.writeInt32LE(1);
  call("setsockopt", fd, SOL_SOCKET, SO_REUSEADDR, on, on.length);
}

/** False when the address is in use. */
export function tryBind(fd: Fd, endpoint: InetEndpoint): boolean {
  const address = encodeEndpoint(endpoint);
  const result = attempt("bind", fd, address, address.length);
  if (result === -errno.EADDRINUSE) return false;
  if (result < 0) throw new SyscallFailure("bind", [fd, address], -result);
  return true;
}

export function listenOn(fd: Fd, { backlog }: { readonly backlog: number }): void {
  call("listen", fd, backlog);
}

/** UDP: sets the peer. TCP: starts to connect; writable when it is done. */
export function beginConnect(fd: Fd, endpoint: InetEndpoint): void {
  const address = encodeEndpoint(endpoint);
  const result = attempt("connect", fd, address, address.length);
  if (result < 0 && result !== -errno.EINPROGRESS)
    throw new SyscallFailure("connect", [fd, address], -result);
}

/** A connection that waits; undefined without one. Does not block. Throws when there is no free descriptor for it. */
export function acceptConnection(fd: Fd): OwnedFd | undefined {
  const result = attempt("accept4", fd, null, null, O_CLOEXEC | O_NONBLOCK);
  if (result >= 0) return new OwnedFd(result);
  const passing: readonly number[] = [errno.EAGAIN, errno.ECONNABORTED, errno.EINTR];
  if (passing.includes(-result)) return undefined;
  throw new SyscallFailure("accept4", [fd], -result);
}

export interface Datagram {
  /** A part of the buffer: valid until the next call with it. */
  readonly bytes: Uint8Array;
  readonly from: InetEndpoint;
}

/** A datagram that waits, with its sender; undefined without one. What does not fit into the buffer is lost. */
export function receiveDatagram(fd: Fd, buffer: Uint8Array): Datagram | undefined {
  const address = Buffer.alloc(28);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  const result = attempt("recvfrom", fd, buffer, buffer.length, 0, address, length);
  return result < 0 ? undefined : { bytes: buffer.subarray(0, result), from: decodeEndpoint(address) };
}

/** Bytes sent, or −errno: a sender to unknown hosts has to handle errors. `to` is absent on a connected socket. */
export function trySend(fd: Fd, bytes: Uint8Array, to?: InetEndpoint): number {
  const address = to === undefined ? null : encodeEndpoint(to);
  return attempt("sendto", fd, bytes, bytes.length, MSG_NOSIGNAL, address, address?.length ?? 0);
}

/** Bytes received, 0 at the end, or −errno. */
export function tryReceive(fd: Fd, buffer: Uint8Array): number {
  return attempt("recvfrom", fd, buffer, buffer.length, 0, null, null);
}

/** The error that the socket has met since the last call, as a positive errno; 0: none. SPEC: socket(7), SO_ERROR */
export function takeSocketError(fd: Fd): number {
  const [value, length] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32LE(4);
  call("getsockopt", fd, SOL_SOCKET, SO_ERROR, value, length);
  return value.readInt32LE(0);
}

/** SPEC: ip(7), ipv6(7): sockaddr_in, sockaddr_in6. */
function encodeEndpoint({ address, port }: InetEndpoint): Buffer {
  const isFour = address.family === 4;
  const bytes = Buffer.alloc(isFour ? 16 : 28);
  bytes.writeUInt16LE(isFour ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(encodeIpAddress(address), isFour ? 4 : 8);
  return bytes;
}

function decodeEndpoint(bytes: Buffer): InetEndpoint {
  const at = bytes.readUInt16LE(0) === AF_INET ? { start: 4, end: 8 } : { start: 8, end: 24 };
  return { address: decodeIpAddress(bytes.subarray(at.start, at.end)), port: bytes.readUInt16BE(2) };
}

/** Whether a connection that beginConnect() has begun stands; false: not yet. Throws why it cannot be made. */
export function isConnected(fd: Fd, endpoint: InetEndpoint): boolean {
  const address = encodeEndpoint(endpoint);
  const result = attempt("connect", fd, address, address.length);
  if (result >= 0 || result === -errno.EISCONN) return true;
  if (result === -errno.EALREADY || result === -errno.EINPROGRESS) return false;
  throw new SyscallFailure("connect", [fd, address], -result);
}
