import { EPOLLIN } from "../../linux/epoll.ts";
import type { OwnedFd } from "../../linux/fd.ts";
import { acceptConnection, receiveDatagram, trySend } from "../../linux/inet-socket.ts";
import { answerQuery } from "./answer.ts";
import type { NameDirectory } from "./directory.ts";
import type { EventLoop } from "./event-loop.ts";
import { Forward, type ForwardOptions } from "./forward.ts";
import { decodeQuery, encodeFailure, encodeReply, responseCode } from "./message.ts";
import { MessageStream } from "./message-stream.ts";
import type { NameView } from "./types.ts";

/** What one container can hold of us at a time. More is refused, so that it can't keep others from their answers. */
const mostForwards = 256;
const mostConnections = 32;
const idleConnectionMs = 10_000;
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

/** Answers one container on the sockets in its network namespace, which it owns. */
export class Resolver implements Disposable {
  view: NameView;
  readonly #loop: EventLoop;
  readonly #sockets: ResolverSockets;
  readonly #directory: NameDirectory;
  readonly #within: ForwardOptions["within"];
  readonly #forwards = new Set<Forward>();
  readonly #connections = new Set<MessageStream>();

  constructor(
    loop: EventLoop,
    options: {
      readonly sockets: ResolverSockets;
      readonly directory: NameDirectory;
      readonly view: NameView;
      readonly within: ForwardOptions["within"];
    },
  ) {
    this.#loop = loop;
    this.#sockets = options.sockets;
    this.#directory = options.directory;
    this.#within = options.within;
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
    const socket = acceptConnection(this.#sockets.tcp.fd);
    if (socket === undefined) return;
    if (this.#connections.size >= mostConnections) return socket[Symbol.dispose]();
    const leave = (): void => {
      cancelTimer();
      this.#connections.delete(stream);
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
    if (this.#forwards.size >= mostForwards) {
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
        if (forward !== undefined) this.#forwards.delete(forward);
        reply(message);
      },
    });
    if (!isOver) this.#forwards.add(forward);
  }

  [Symbol.dispose](): void {
    for (const forward of this.#forwards) forward.cancel();
    for (const connection of this.#connections) connection[Symbol.dispose]();
    for (const socket of [this.#sockets.udp, this.#sockets.tcp]) {
      this.#loop.unwatch(socket.fd);
      socket[Symbol.dispose]();
    }
  }
}
