import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT } from "../../linux/kernel/epoll.ts";
import { errno } from "../../linux/kernel/errno.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { tryReceive, trySend } from "../../linux/sockets/inet-socket.ts";
import type { EventLoop } from "./event-loop.ts";

/** Of what the other end has not taken yet. */
const mostUnsentBytes = 256 * 1024;

/** DNS messages over a TCP connection, each after its length. SPEC: RFC 1035 §4.2.2, RFC 7766 */
export class MessageStream implements Disposable {
  readonly #loop: EventLoop;
  readonly #socket: OwnedFd;
  readonly #onMessage: (bytes: Uint8Array) => void;
  readonly #onEnd: () => void;
  #received = Buffer.alloc(0);
  #unsent = Buffer.alloc(0);
  #ended = false;

  /** Owns the socket. `onEnd` is called once when the other end closes or fails, not by dispose. */
  constructor(
    loop: EventLoop,
    socket: OwnedFd,
    { onMessage, onEnd }: { readonly onMessage: (bytes: Uint8Array) => void; readonly onEnd: () => void },
  ) {
    this.#loop = loop;
    this.#socket = socket;
    this.#onMessage = onMessage;
    this.#onEnd = onEnd;
    loop.watch(socket.fd, EPOLLIN, (events) => this.#attend(events));
  }

  /** Also before the connection is made. */
  send(message: Uint8Array): void {
    if (this.#ended) return;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    this.#unsent = Buffer.concat([this.#unsent, length, message]);
    if (this.#unsent.length > mostUnsentBytes) this.#end();
    else this.#flush();
  }

  #attend(events: number): void {
    if ((events & EPOLLOUT) !== 0) this.#flush();
    if (!this.#ended && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) !== 0) this.#receive();
  }

  #flush(): void {
    while (this.#unsent.length > 0) {
      const sent = trySend(this.#socket.fd, this.#unsent);
      if (sent === -errno.EAGAIN || sent === -errno.ENOTCONN || sent === -errno.EINPROGRESS) break;
      if (sent < 0) return this.#end();
      this.#unsent = this.#unsent.subarray(sent);
    }
    this.#loop.change(this.#socket.fd, this.#unsent.length > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  #receive(): void {
    const buffer = Buffer.alloc(16 * 1024);
    const length = tryReceive(this.#socket.fd, buffer);
    if (length === -errno.EAGAIN) return;
    if (length <= 0) return this.#end();
    this.#received = Buffer.concat([this.#received, buffer.subarray(0, length)]);
    while (!this.#ended && this.#received.length >= 2) {
      const end = 2 + this.#received.readUInt16BE(0);
      if (this.#received.length < end) return;
      const message = new Uint8Array(this.#received.subarray(2, end));
      this.#received = this.#received.subarray(end);
      this.#onMessage(message);
    }
  }

  #end(): void {
    if (this.#ended) return;
    this[Symbol.dispose]();
    this.#onEnd();
  }

  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#loop.unwatch(this.#socket.fd);
    this.#socket[Symbol.dispose]();
  }
}
