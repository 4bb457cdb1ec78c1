import { Failure } from "../../base/failure.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../constants/open.ts";
import { errno } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { addressOf, attempt, call, SyscallFailure } from "../kernel/syscall.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CTRUNC = 8;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** KERNEL: sun_path of unix(7), with the closing NUL. */
const mostPathBytes = 108;
/** KERNEL: SCM_MAX_FD. */
export const mostPassedFds = 253;

/** The sending process of a message; only root may name another process than itself. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** A socket for messages with descriptors or credentials; close-on-exec, never blocks. */
export function openUnixSocket(type: "datagram" | "packet"): OwnedFd {
  const number = type === "datagram" ? SOCK_DGRAM : SOCK_SEQPACKET;
  return new OwnedFd(call("socket", AF_UNIX, number | O_CLOEXEC | O_NONBLOCK, 0));
}

/** Two ends of a connection, close-on-exec. */
export function openSocketPair(): Disposable & { readonly ours: OwnedFd; readonly theirs: OwnedFd } {
  const numbers = Buffer.alloc(8);
  call("socketpair", AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, numbers);
  const ours = new OwnedFd(numbers.readInt32LE(0));
  const theirs = new OwnedFd(numbers.readInt32LE(4));
  return {
    ours,
    theirs,
    [Symbol.dispose]: () => {
      ours[Symbol.dispose]();
      theirs[Symbol.dispose]();
    },
  };
}

export function bindUnixSocket(fd: Fd, path: string): void {
  const address = encodeAddress(path);
  call("bind", fd, address, address.length);
}

export function connectUnixSocket(fd: Fd, path: string): void {
  const address = encodeAddress(path);
  call("connect", fd, address, address.length);
}

/** A connection that waits; undefined without one. */
export function acceptUnixConnection(fd: Fd): OwnedFd | undefined {
  const result = attempt("accept4", fd, null, null, O_CLOEXEC | O_NONBLOCK);
  if (result >= 0) return new OwnedFd(result);
  if (result === -errno.EAGAIN || result === -errno.ECONNABORTED) return undefined;
  throw new SyscallFailure("accept4", [fd], -result);
}

/** The credentials of the peer, as the kernel recorded them at connect time. */
export function readPeer(fd: Fd): Credentials {
  const bytes = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  call("getsockopt", fd, SOL_SOCKET, SO_PEERCRED, bytes, length);
  return { pid: bytes.readInt32LE(0), uid: bytes.readUInt32LE(4), gid: bytes.readUInt32LE(8) };
}

/** Sends one message, with copies of descriptors or credentials; `to` is absent on a connected socket. */
export function sendUnixMessage(
  fd: Fd,
  bytes: Uint8Array,
  {
    to,
    fds = [],
    credentials,
  }: {
    readonly to?: string | undefined;
    readonly fds?: readonly Fd[] | undefined;
    readonly credentials?: Credentials | undefined;
  } = {},
): void {
  const control = Buffer.concat([
    ...(fds.length === 0 ? [] : [encodeControl(SCM_RIGHTS, int32s(fds))]),
    ...(credentials === undefined
      ? []
      : [encodeControl(SCM_CREDENTIALS, int32s([credentials.pid, credentials.uid, credentials.gid]))]),
  ]);
  const address = to === undefined ? undefined : encodeAddress(to);
  const message = new Message(bytes, control, address);
  call("sendmsg", fd, message.header, MSG_NOSIGNAL);
  message.keep();
}

/** As sendUnixMessage() on a connected socket, without waiting: the number of bytes that were taken, or −errno. */
export function trySendUnixMessage(
  fd: Fd,
  bytes: Uint8Array,
  { fds }: { readonly fds: readonly Fd[] },
): number {
  const message = new Message(bytes, encodeControl(SCM_RIGHTS, int32s(fds)));
  const result = attempt("sendmsg", fd, message.header, MSG_NOSIGNAL | MSG_DONTWAIT);
  message.keep();
  return result;
}

/**
 * Sends what a connected stream accepts without waiting, and returns the number of bytes; 0 also when sending fails:
 * the next send reports the error.
 */
export function sendAtOnce(fd: Fd, bytes: Uint8Array): number {
  return Math.max(0, attempt("sendto", fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, null, 0));
}

export interface ReceivedMessage {
  readonly bytes: Uint8Array;
  /** Close-on-exec; the caller disposes of them. */
  readonly fds: readonly OwnedFd[];
}

/**
 * A message that waits; undefined without one, or at the end. Throws "invalid", and closes all, when not all of its
 * descriptors fit.
 */
export function receiveUnixMessage(
  fd: Fd,
  { mostBytes }: { readonly mostBytes: number },
): ReceivedMessage | undefined {
  const bytes = new Uint8Array(mostBytes);
  const control = Buffer.alloc(controlSpace(4 * mostPassedFds));
  const message = new Message(bytes, control);
  const result = attempt("recvmsg", fd, message.header, MSG_CMSG_CLOEXEC);
  message.keep();
  if (result === -errno.EAGAIN || result === 0) return undefined;
  if (result < 0) throw new SyscallFailure("recvmsg", [fd], -result);
  using fds = new DisposableStack();
  const received = decodeFds(control.subarray(0, message.controlLength)).map((one) =>
    fds.use(new OwnedFd(one)),
  );
  if ((message.flags & MSG_CTRUNC) !== 0)
    throw new Failure("invalid", "cannot take the descriptors of a message: there are too many");
  fds.move();
  return { bytes: bytes.subarray(0, result), fds: received };
}

/** SPEC: sendmsg(2): struct msghdr, with the one piece and the control data that it points at. */
class Message {
  readonly header: Buffer = Buffer.alloc(56);
  readonly #parts: readonly Uint8Array[];

  constructor(bytes: Uint8Array, control: Uint8Array, address?: Uint8Array) {
    const piece = Buffer.alloc(16);
    piece.writeBigUInt64LE(addressOf(bytes), 0);
    piece.writeBigUInt64LE(BigInt(bytes.length), 8);
    if (address !== undefined) {
      this.header.writeBigUInt64LE(addressOf(address), 0);
      this.header.writeUInt32LE(address.length, 8);
    }
    this.header.writeBigUInt64LE(addressOf(piece), 16);
    this.header.writeBigUInt64LE(1n, 24);
    if (control.length > 0) {
      this.header.writeBigUInt64LE(addressOf(control), 32);
      this.header.writeBigUInt64LE(BigInt(control.length), 40);
    }
    this.#parts = [bytes, control, piece, ...(address === undefined ? [] : [address])];
  }

  get controlLength(): number {
    return Number(this.header.readBigUInt64LE(40));
  }

  get flags(): number {
    return this.header.readInt32LE(48);
  }

  /** Called after the system call: until then all that it points at is reachable. */
  keep(): number {
    return this.#parts.length;
  }
}

// SPEC: cmsg(3), on 64 bits.
const controlHead = 16;
const align = (bytes: number): number => Math.ceil(bytes / 8) * 8;

function controlSpace(bytes: number): number {
  return controlHead + align(bytes);
}

function encodeControl(type: number, data: Uint8Array): Buffer {
  const control = Buffer.alloc(controlSpace(data.length));
  control.writeBigUInt64LE(BigInt(controlHead + data.length), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(type, 12);
  control.set(data, controlHead);
  return control;
}

function decodeFds(control: Buffer): readonly Fd[] {
  const fds: Fd[] = [];
  for (let at = 0; at + controlHead <= control.length; ) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < controlHead || at + length > control.length) break;
    if (control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS) {
      for (let offset = at + controlHead; offset + 4 <= at + length; offset += 4)
        fds.push(control.readInt32LE(offset));
    }
    at += align(length);
  }
  return fds;
}

function int32s(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((number, i) => bytes.writeInt32LE(number, 4 * i));
  return bytes;
}

/** Of a path, or of an abstract name, which systemd writes with `@` before it. Throws "invalid". */
function encodeAddress(path: string): Buffer {
  const name = path.startsWith("@") ? `\0${path.slice(1)}` : `${path}\0`;
  const bytes = Buffer.from(name);
  if (bytes.length > mostPathBytes || path === "")
    throw new Failure(
      "invalid",
      `cannot use the socket ${JSON.stringify(path.slice(0, 120))}: its path is empty or too long`,
    );
  const address = Buffer.alloc(2 + bytes.length);
  address.writeUInt16LE(AF_UNIX, 0);
  address.set(bytes, 2);
  return address;
}
