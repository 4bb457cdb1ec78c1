import { lookup } from "node:dns/promises";
import { sleep } from "../../base/deadline.ts";
import type { Failure } from "../../base/failure.ts";
import { errno, errnoName } from "../../linux/kernel/errno.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { beginConnect, openInetSocket, takeSocketError, trySend } from "../../linux/sockets/inet-socket.ts";
import { connectUnixSocket, openUnixSocket } from "../../linux/sockets/unix-message.ts";
import { parseIpAddress } from "../../spec/ip-address.ts";
import { type LogTransport, receiverLost } from "./log-transport.ts";

/** The kernel does not report when a queue of datagrams has space again: it is tried again after so long, doubled. */
const FIRST_RETRY_MS = 1;
const LAST_RETRY_MS = 100;

/** Datagrams to a connected socket of UDP or unix(7). A refusal by the receiver's host ends the connection. */
export class DatagramTransport implements LogTransport {
  readonly #socket: OwnedFd;
  readonly #closed = new AbortController();
  #failure: Failure | undefined;

  constructor(socket: OwnedFd) {
    this.#socket = socket;
  }

  async send(pieces: readonly Uint8Array[]): Promise<number> {
    let tooLarge = 0;
    for (const piece of pieces) if (!(await this.#sendOne(piece))) tooLarge++;
    return tooLarge;
  }

  async #sendOne(piece: Uint8Array): Promise<boolean> {
    for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(delayMs * 2, LAST_RETRY_MS)) {
      if (this.#failure !== undefined) throw this.#failure;
      const result = trySend(this.#socket.fd, piece);
      if (result >= 0) return true;
      if (result === -errno.EMSGSIZE) return false;
      if (result !== -errno.EAGAIN && result !== -errno.ENOBUFS && result !== -errno.EINTR)
        throw this.#fail(-result);
      await sleep(delayMs, { signal: this.#closed.signal });
    }
  }

  findFailure(): Failure | undefined {
    if (this.#failure !== undefined) return this.#failure;
    const error = takeSocketError(this.#socket.fd);
    return error === 0 ? undefined : this.#fail(error);
  }

  #fail(error: number): Failure {
    const isRefused = error === errno.ECONNREFUSED;
    const reason = isRefused ? "the receiver refuses datagrams" : "a datagram cannot be sent";
    this.#failure = receiverLost(`${reason}: ${errnoName(error)}`, { isRefused });
    return this.#failure;
  }

  [Symbol.dispose](): void {
    this.#failure ??= receiverLost("the connection was closed");
    this.#closed.abort();
    this.#socket[Symbol.dispose]();
  }
}

/** Throws when the name is not known or the address cannot be reached. */
export async function openUdpTransport({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): Promise<LogTransport> {
  const found = await lookup(host);
  const address = parseIpAddress(found.address);
  const socket = openInetSocket(address.family, "udp");
  try {
    beginConnect(socket.fd, { address, port });
    return new DatagramTransport(socket);
  } catch (thrown) {
    socket[Symbol.dispose]();
    throw thrown;
  }
}

/** Throws when there is no socket of that kind at the path. */
export function openUnixDatagrams(path: string): LogTransport {
  const socket = openUnixSocket("datagram");
  try {
    connectUnixSocket(socket.fd, path);
    return new DatagramTransport(socket);
  } catch (thrown) {
    socket[Symbol.dispose]();
    throw thrown;
  }
}
