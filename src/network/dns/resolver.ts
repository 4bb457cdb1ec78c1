import { EPOLLIN } from "../../linux/kernel/epoll.ts";
import { isErrno } from "../../linux/kernel/syscall.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { acceptConnection, receiveDatagram, trySend } from "../../linux/sockets/inet-socket.ts";
import { answerQuery } from "./answer.ts";
import type { NameDirectory } from "./directory.ts";
import type { EventLoop } from "./event-loop.ts";
import type { FairShare } from "../fair-share.ts";
import { Forward, type ForwardOptions } from "./forward.ts";
import { decodeQuery, encodeFailure, encodeReply, responseCode } from "./message.ts";
import { MessageStream } from "./message-stream.ts";
import type { NameView } from "./types.ts";

/**
 * The limit of pending queries for one container, besides the shared limit. More are refused, so that it cannot block
 * the answers of others.
 */
const mostForwards = 256;
const mostConnections = 32;
const idleConnectionMs = 10_000;
/** Without free descriptors, connections wait in the kernel until they are looked at again. */
const shortageMs = 100;
/** Of one container, before it is another one's turn. */
const mostInARow = 32;
const tcpBytes = 0xffff;
/** One thread reads one datagram at a time. */
const buffer = new Uint8Array(0x10000);

interface ResolverSockets {
  readonly udp: OwnedFd;
  /** Listens. */
  readonly tcp: OwnedFd;
}

/** The limits for all containers together. */
export interface SharedBounds {
  readonly queries: FairShare;
  readonly connections: FairShare;
}

/** Answers one container on the sockets in its network namespace, which it owns. */
export class Resolver implements Disposable {
  view: NameView;
  readonly #loop: EventLoop;
  readonly #sockets: ResolverSockets;
  readonly #directory: NameDirectory;
  readonly #within: ForwardOptions["within"];
  readonly #shared: SharedBounds;
  readonly #forwards = new Set<Forward>();
  readonly #connections = new Set<MessageStream>();
  #cancelShortage = (): void => {};

  constructor(
    loop: EventLoop,
    options: {
      readonly sockets: ResolverSockets;
      readonly directory: NameDirectory;
      readonly view: NameView;
      readonly within: ForwardOptions["within"];
      readonly shared: SharedBounds;
    },
  ) {
    this.#loop = loop;
    this.#sockets = options.sockets;
    this.#directory = options.directory;
    this.#within = options.within;
    this.#shared = options.shared;
    this.view = options.view;
    loop.watch(options.sockets.udp.fd, EPOLLIN, () => this.#receive());
    loop.watch(options.sockets.tcp.fd, EPOLLIN, () => this.#accept());
  }

  #receive(): void {
    for (let n = 0; n < mostInARow; n++) {
      const datagram = receiveDatagram(this.#sockets.udp.fd, buffer);
      if (datagram === undefined) return;
      const { from } = datagram;
      this.#handle(datagram.bytes.slice(), {
        protocol: "udp",
        reply: (bytes) => void trySend(this.#sockets.udp.fd, bytes, from),
      });
    }
  }

  #accept(): void {
    const socket = this.#tryAccept();
    if (socket === undefined) return;
    const open = this.#connections.size;
    if (open >= mostConnections || !this.#shared.connections.take(open)) return socket[Symbol.dispose]();
    const leave = (): void => {
      cancelTimer();
      if (this.#connections.delete(stream)) this.#shared.connections.release();
    };
    let cancelTimer = (): void => {};
    const awake = (): void => {
      cancelTimer();
      cancelTimer = this.#loop.after(idleConnectionMs, () => {
        leave();
        stream[Symbol.dispose]();
      });
    };
    const stream: MessageStream = new MessageStream(this.#loop, socket, {
      onMessage: (bytes) => {
        awake();
        this.#handle(bytes, { protocol: "tcp", reply: (reply) => stream.send(reply) });
      },
      onEnd: leave,
    });
    this.#connections.add(stream);
    awake();
  }

  #tryAccept(): OwnedFd | undefined {
    try {
      return acceptConnection(this.#sockets.tcp.fd);
    } catch (thrown) {
      if (!isErrno(thrown, "EMFILE", "ENFILE", "ENOMEM", "ENOBUFS")) throw thrown;
      this.#loop.change(this.#sockets.tcp.fd, 0);
      this.#cancelShortage = this.#loop.after(shortageMs, () =>
        this.#loop.change(this.#sockets.tcp.fd, EPOLLIN),
      );
      return undefined;
    }
  }

  #handle(
    bytes: Uint8Array,
    { protocol, reply }: { readonly protocol: "udp" | "tcp"; readonly reply: (bytes: Uint8Array) => void },
  ): void {
    const query = decodeQuery(bytes);
    if (query === undefined) return;
    if ("code" in query) return reply(encodeFailure(query));
    const answer = answerQuery(this.#directory, this.view, query);
    const limit = protocol === "udp" ? query.udpBytes : tcpBytes;
    if (answer !== "forward") return reply(encodeReply(query, answer, limit));
    if (this.#forwards.size >= mostForwards || !this.#shared.queries.take(this.#forwards.size)) {
      return reply(encodeReply(query, { code: responseCode.refused, answers: [], ttlSeconds: 0 }, limit));
    }
    let forward: Forward | undefined;
    let isOver = false;
    forward = new Forward(this.#loop, {
      query,
      bytes,
      protocol,
      upstreams: this.view.upstreams,
      within: this.#within,
      onReply: (message) => {
        isOver = true;
        this.#shared.queries.release();
        if (forward !== undefined) this.#forwards.delete(forward);
        reply(message);
      },
    });
    if (!isOver) this.#forwards.add(forward);
  }

  [Symbol.dispose](): void {
    this.#cancelShortage();
    for (const forward of this.#forwards) {
      forward.cancel();
      this.#shared.queries.release();
    }
    for (const connection of this.#connections) {
      connection[Symbol.dispose]();
      this.#shared.connections.release();
    }
    for (const socket of [this.#sockets.udp, this.#sockets.tcp]) {
      this.#loop.unwatch(socket.fd);
      socket[Symbol.dispose]();
    }
  }
}
