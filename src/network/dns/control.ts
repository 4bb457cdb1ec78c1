import { parseTrustedJson } from "../../base/trusted-json.ts";
import { readSync, writeSync } from "node:fs";
import { O_CLOEXEC } from "../../linux/constants/open.ts";
import { errno } from "../../linux/kernel/errno.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { call, attempt, SyscallFailure } from "../../linux/kernel/syscall.ts";
import type { NameEntry, NameView } from "./types.ts";

/**
 * Messages to the thread that answers queries, in this order. The thread owns the descriptors that it receives and
 * closes them.
 */
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
/** A longer message goes through a memory file: a socket refuses it. */
const mostBytes = 64 * 1024;
const MFD_CLOEXEC = 1;

/** Of many orders: where they are. The file is its reader's to close. */
interface Letter {
  readonly file: Fd;
  readonly bytes: number;
}

/** Two ends of a connection that keeps orders apart. The caller disposes of both. */
export function openControl(): { readonly near: OwnedFd; readonly far: OwnedFd } {
  const pair = Buffer.alloc(8);
  call("socketpair", AF_UNIX, SOCK_SEQPACKET | O_CLOEXEC, 0, pair);
  return { near: new OwnedFd(pair.readInt32LE(0)), far: new OwnedFd(pair.readInt32LE(4)) };
}

/**
 * Sends any number of orders as one message. Thousands of orders go through a memory file, so that this thread never
 * waits until the other one has read them. Returns false when the thread has ended.
 */
export function sendOrders(fd: Fd, orders: readonly Order[]): boolean {
  const bytes = Buffer.from(JSON.stringify(orders));
  if (bytes.length <= mostBytes) return send(fd, bytes);
  using file = new OwnedFd(call("memfd_create", "tare-names", MFD_CLOEXEC));
  writeSync(file.fd, bytes, 0, bytes.length, 0);
  const letter: Letter = { file: file.fd, bytes: bytes.length };
  const isSent = send(fd, Buffer.from(JSON.stringify(letter)));
  if (isSent) file.move();
  return isSent;
}

/** Waits while the other end has more than it can hold. */
function send(fd: Fd, bytes: Buffer): boolean {
  const result = attempt("sendto", fd, bytes, bytes.length, MSG_NOSIGNAL, null, 0);
  if (result === -errno.EPIPE || result === -errno.ECONNRESET) return false;
  if (result < 0) throw new SyscallFailure("sendto", [fd, bytes], -result);
  return true;
}

/** The next ones, waiting for them; undefined at the end. */
export function receiveOrders(fd: Fd): readonly Order[] | undefined {
  const bytes = Buffer.alloc(mostBytes);
  const length = call("recvfrom", fd, bytes, bytes.length, 0, null, null);
  if (length === 0) return undefined;
  const message = parseTrustedJson<readonly Order[] | Letter>(bytes.toString("utf8", 0, length));
  return "file" in message ? parseTrustedJson<readonly Order[]>(readLetter(message)) : message;
}

function readLetter(letter: Letter): string {
  using file = new OwnedFd(letter.file);
  const bytes = Buffer.alloc(letter.bytes);
  const length = readSync(file.fd, bytes, 0, bytes.length, 0);
  return bytes.toString("utf8", 0, length);
}
