import { Failure } from "../../base/failure.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../constants/open.ts";
import { errno, errnoName } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { inNetworkNamespace } from "../namespaces/network-namespace.ts";
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseError,
  parseMessages,
  type NetlinkReply,
  type NetlinkRequest,
} from "./message.ts";
import { attempt, call, callAsync, failureKindOfErrno, SyscallFailure } from "../kernel/syscall.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUFFORCE = 32;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_DONTWAIT = 0x40;
const BUFFER_BYTES = 4 << 20;

/**
 * NETLINK_ROUTE: links, addresses, routes. NETLINK_SOCK_DIAG: sockets. NETLINK_NETFILTER: nftables and connection
 * tracking.
 */
export type NetlinkFamily = "route" | "sock_diag" | "netfilter";
const families: Readonly<Record<NetlinkFamily, number>> = { route: 0, sock_diag: 4, netfilter: 12 };

/** A refusal by the kernel, with its own message. */
export class NetlinkFailure extends Failure {
  readonly errno: number;
  readonly code: string;
  /** Which request of the batch. */
  readonly request: NetlinkRequest;

  constructor(request: NetlinkRequest, number: number, text: string) {
    const code = errnoName(number);
    const detail = text === "" ? code : `${code} (${text.replace(/\.$/, "")})`;
    super(failureKindOfErrno(number), `cannot ${request.about}: ${detail}`, { details: { code } });
    this.errno = number;
    this.code = code;
    this.request = request;
  }
}

/**
 * A netlink socket in the namespace it was made in. The kernel answers while the request is being sent, so nothing
 * waits. One buffer serves all sockets: replies are parsed before the next call.
 */
export class NetlinkSocket implements Disposable {
  readonly #fd: OwnedFd;
  #sequence = 1;

  constructor(family: NetlinkFamily) {
    using fd = new OwnedFd(call("socket", AF_NETLINK, SOCK_RAW | O_CLOEXEC | O_NONBLOCK, families[family]));
    const one = Buffer.from([1, 0, 0, 0]);
    call("setsockopt", fd.fd, SOL_NETLINK, NETLINK_EXT_ACK, one, one.length);
    call("setsockopt", fd.fd, SOL_NETLINK, NETLINK_CAP_ACK, one, one.length);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(BUFFER_BYTES);
    attempt("setsockopt", fd.fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length);
    attempt("setsockopt", fd.fd, SOL_SOCKET, SO_SNDBUFFORCE, size, size.length);
    this.#fd = new OwnedFd(fd.move());
  }

  /**
   * Carries out requests in their order, in one call. Throws NetlinkFailure for the first that fails; those behind it
   * are carried out all the same.
   */
  send(requests: readonly NetlinkRequest[]): void {
    if (requests.length === 0) return;
    const { bytes, first } = this.#encode(requests);
    this.#write(bytes);
    this.#check(requests, first);
  }

  /**
   * As send(), on the thread pool: for what takes the kernel long. Nothing else may be done with this socket, nor
   * descriptors in the requests be closed, until it returns.
   */
  async sendAside(requests: readonly NetlinkRequest[]): Promise<void> {
    if (requests.length === 0) return;
    const { bytes, first } = this.#encode(requests);
    await callAsync("sendto", this.#fd.fd, bytes, bytes.length, 0, null, 0);
    this.#check(requests, first);
  }

  /**
   * A batch of nfnetlink, whose first and last request begin and end the transaction: all or nothing. Only errors are
   * answered, and the last but one request.
   */
  sendTransaction(requests: readonly NetlinkRequest[]): void {
    const first = this.#sequence;
    this.#sequence += requests.length;
    this.#write(
      Buffer.concat(
        requests.map((request, at) =>
          encodeMessage(request, {
            sequence: first + at,
            flags: NLM_F_REQUEST | (at === requests.length - 2 ? NLM_F_ACK : 0),
          }),
        ),
      ),
    );
    this.#check(requests, first);
  }

  /** All replies to one request for a list. */
  dump(request: NetlinkRequest): readonly NetlinkReply[] {
    return this.#ask(request, NLM_F_DUMP);
  }

  /** The replies to one request for one thing. */
  get(request: NetlinkRequest): readonly NetlinkReply[] {
    return this.#ask(request, NLM_F_ACK);
  }

  /** Receives the events of these groups from now on: take() them. Once for each socket. */
  join(...groups: readonly number[]): void {
    // KERNEL: a socket without an address of its own is passed over as if it were the sender.
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    call("bind", this.#fd.fd, address, address.length);
    for (const group of groups) {
      const value = Buffer.alloc(4);
      value.writeUInt32LE(group);
      call("setsockopt", this.#fd.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, value, value.length);
    }
  }

  /** Events since the last call. `lost`: there were more than the buffer holds. Does not wait. */
  take(): { readonly events: readonly NetlinkReply[]; readonly lost: boolean } {
    const events: NetlinkReply[] = [];
    let lost = false;
    for (;;) {
      const datagram = this.#receive();
      if (datagram === "lost") lost = true;
      else if (datagram === undefined) return { events, lost };
      else events.push(...parseMessages(Buffer.from(datagram)));
    }
  }

  get fd(): Fd {
    return this.#fd.fd;
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }

  #ask(request: NetlinkRequest, flags: number): readonly NetlinkReply[] {
    const sequence = this.#sequence++;
    this.#write(encodeMessage(request, { sequence, flags: NLM_F_REQUEST | flags }));
    const found: NetlinkReply[] = [];
    for (;;) {
      const datagram = this.#receive();
      if (datagram === undefined) return found;
      if (datagram === "lost") throw new NetlinkFailure(request, errno.ENOBUFS, "");
      for (const reply of parseMessages(Buffer.from(datagram))) {
        if (reply.sequence !== sequence) continue;
        if (reply.type === NLMSG_DONE) return found;
        if (reply.type !== NLMSG_ERROR) found.push(reply);
        else {
          const error = parseError(reply);
          if (error.errno !== 0) throw new NetlinkFailure(request, error.errno, error.text);
        }
      }
    }
  }

  /** Each to be answered. */
  #encode(requests: readonly NetlinkRequest[]): { readonly bytes: Buffer; readonly first: number } {
    const first = this.#sequence;
    this.#sequence += requests.length;
    const bytes = Buffer.concat(
      requests.map((request, at) =>
        encodeMessage(request, { sequence: first + at, flags: NLM_F_REQUEST | NLM_F_ACK }),
      ),
    );
    return { bytes, first };
  }

  #check(requests: readonly NetlinkRequest[], first: number): void {
    let failed: NetlinkFailure | undefined;
    for (;;) {
      const datagram = this.#receive();
      if (datagram === undefined) break;
      if (datagram === "lost") throw new Failure("exhausted", "cannot read the kernel's answers: ENOBUFS");
      for (const reply of parseMessages(datagram)) {
        const request = requests[reply.sequence - first];
        if (request === undefined || reply.type !== NLMSG_ERROR) continue;
        const error = parseError(reply);
        if (error.errno === 0 || request.tolerates?.includes(error.errno) === true) continue;
        failed ??= new NetlinkFailure(request, error.errno, error.text);
      }
    }
    if (failed !== undefined) throw failed;
  }

  #write(bytes: Buffer): void {
    call("sendto", this.#fd.fd, bytes, bytes.length, 0, null, 0);
  }

  /** A datagram in the shared buffer, undefined when there is none. */
  #receive(): Buffer | "lost" | undefined {
    const length = attempt("recvfrom", this.#fd.fd, received, received.length, MSG_DONTWAIT, null, null);
    if (length >= 0) return received.subarray(0, length);
    if (length === -errno.EINTR) return this.#receive();
    if (length === -errno.EAGAIN) return undefined;
    if (length === -errno.ENOBUFS) return "lost";
    throw new SyscallFailure("recvfrom", [this.#fd.fd, received, received.length], -length);
  }
}

const received = Buffer.alloc(128 << 10);

/** In this thread's own network namespace, or another. */
export function openNetlink(
  family: NetlinkFamily,
  options: { readonly netnsFd?: Fd | undefined } = {},
): NetlinkSocket {
  const { netnsFd } = options;
  if (netnsFd === undefined) return new NetlinkSocket(family);
  return inNetworkNamespace(netnsFd, () => new NetlinkSocket(family));
}
