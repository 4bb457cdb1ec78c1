import { O_CLOEXEC } from "../../linux/constants/open.ts";
import { errno } from "../../linux/errno.ts";
import { type Fd, OwnedFd } from "../../linux/fd.ts";
import { call, attempt, SyscallFailure } from "../../linux/syscall.ts";
import type { NameEntry, NameView } from "./types.ts";

/** What the thread that answers is told, in this order. Descriptors that it is given are its to close. */
export type Order =
  | { readonly order: "add-network"; readonly network: string; readonly name: string }
  | { readonly order: "remove-network"; readonly network: string }
  | { readonly order: "add-entry"; readonly network: string; readonly entry: NameEntry }
  | { readonly order: "remove-entry"; readonly network: string; readonly endpointId: string }
  | {
      readonly order: "serve";
      readonly container: string;
      readonly udp: Fd;
      readonly tcp: Fd;
      readonly netns: Fd;
      readonly view: NameView;
    }
  | { readonly order: "set-view"; readonly container: string; readonly view: NameView }
  | { readonly order: "stop"; readonly container: string };

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const MSG_NOSIGNAL = 0x4000;
const mostBytes = 128 * 1024;

/** Two ends of a connection that keeps orders apart. The caller disposes of both. */
export function openControl(): { readonly near: OwnedFd; readonly far: OwnedFd } {
  const pair = Buffer.alloc(8);
  call("socketpair", AF_UNIX, SOCK_SEQPACKET | O_CLOEXEC, 0, pair);
  return { near: new OwnedFd(pair.readInt32LE(0)), far: new OwnedFd(pair.readInt32LE(4)) };
}

/** Waits while the other end has more than it can hold. False when there is nobody any more. */
export function sendOrder(fd: Fd, order: Order): boolean {
  const bytes = Buffer.from(JSON.stringify(order));
  const result = attempt("sendto", fd, bytes, bytes.length, MSG_NOSIGNAL, null, 0);
  if (result === -errno.EPIPE || result === -errno.ECONNRESET) return false;
  if (result < 0) throw new SyscallFailure("sendto", [fd, bytes], -result);
  return true;
}

/** The next one, waiting for it; undefined at the end. */
export function receiveOrder(fd: Fd): Order | undefined {
  const bytes = Buffer.alloc(mostBytes);
  const length = call("recvfrom", fd, bytes, bytes.length, 0, null, null);
  return length === 0 ? undefined : (JSON.parse(bytes.toString("utf8", 0, length)) as Order);
}
