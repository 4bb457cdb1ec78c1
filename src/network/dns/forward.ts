import { randomInt } from "node:crypto";
import { EPOLLIN } from "../../linux/kernel/epoll.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { beginConnect, openInetSocket, tryReceive, trySend } from "../../linux/sockets/inet-socket.ts";
import { parseIpAddress } from "../../spec/ip-address.ts";
import type { EventLoop } from "./event-loop.ts";
import { codeOf, encodeReply, isReplyTo, type Query, responseCode, withId } from "./message.ts";
import { MessageStream } from "./message-stream.ts";
import type { Upstream } from "./types.ts";

/** So long each upstream has. Clients ask again after five seconds, as a rule. */
const upstreamMs = 2_000;
const mostTries = 3;
const dnsPort = 53;
/** One thread reads one datagram at a time. */
const buffer = new Uint8Array(0x10000);
/** Answers with these may be better elsewhere. */
const unhelpful: ReadonlySet<number> = new Set([responseCode.serverFailure, responseCode.refused]);

export interface ForwardOptions {
  readonly query: Query;
  /** As it came. */
  readonly bytes: Uint8Array;
  readonly protocol: "udp" | "tcp";
  readonly upstreams: readonly Upstream[];
  /** Opens a socket where the upstream is to be asked from. */
  readonly within: <T>(from: Upstream["from"], open: () => T) => T;
  /** Called once, but for cancel(). */
  readonly onReply: (bytes: Uint8Array) => void;
}

/**
 * Forwards a query to the upstream servers, one after the other, each from an unpredictable port and with an
 * unpredictable id. The response is passed on unchanged; without any, an answer of ours reports the failure.
 */
export class Forward {
  readonly #loop: EventLoop;
  readonly #options: ForwardOptions;
  #rest: readonly Upstream[];
  #poor: Uint8Array | undefined;
  #leave: () => void = () => {};

  constructor(loop: EventLoop, options: ForwardOptions) {
    this.#loop = loop;
    this.#options = options;
    this.#rest = options.upstreams.slice(0, mostTries);
    this.#next();
  }

  cancel(): void {
    this.#rest = [];
    this.#leave();
    this.#leave = () => {};
  }

  #next(): void {
    this.#leave();
    this.#leave = () => {};
    for (;;) {
      const [upstream, ...rest] = this.#rest;
      if (upstream === undefined) return this.#giveUp();
      this.#rest = rest;
      try {
        this.#ask(upstream);
        return;
      } catch {
        // No route, no such family here: as if it did not answer.
      }
    }
  }

  #giveUp(): void {
    const { query, onReply } = this.#options;
    const reply = { code: responseCode.serverFailure, answers: [], ttlSeconds: 0 };
    onReply(
      this.#poor === undefined ? encodeReply(query, reply, query.udpBytes) : withId(this.#poor, query.id),
    );
  }

  #ask({ address: text, port = dnsPort, from }: Upstream): void {
    const { protocol, within, bytes } = this.#options;
    const address = parseIpAddress(text);
    const id = randomInt(0x10000);
    using opened = new DisposableStack();
    const socket = within(from, () => opened.use(openInetSocket(address.family, protocol)));
    beginConnect(socket.fd, { address, port });
    const take = (reply: Uint8Array): void => this.#take(reply, id);
    const message = withId(bytes, id);
    if (protocol === "udp") {
      const sent = trySend(socket.fd, message);
      if (sent < 0) throw new Error(`the upstream cannot be reached: ${sent}`);
    }
    // The socket's owner from here on is the exchange.
    opened.move();
    const end =
      protocol === "udp" ? this.#listen(socket, take) : this.#converse(socket, { message, onMessage: take });
    const cancelTimer = this.#loop.after(upstreamMs, () => this.#next());
    this.#leave = () => {
      cancelTimer();
      end();
    };
  }

  #listen(socket: OwnedFd, take: (reply: Uint8Array) => void): () => void {
    this.#loop.watch(socket.fd, EPOLLIN, () => {
      const length = tryReceive(socket.fd, buffer);
      // Refused at once: no server listens there.
      if (length < 0) this.#next();
      else take(buffer.slice(0, length));
    });
    return () => {
      this.#loop.unwatch(socket.fd);
      socket[Symbol.dispose]();
    };
  }

  #converse(
    socket: OwnedFd,
    { message, onMessage }: { readonly message: Uint8Array; readonly onMessage: (reply: Uint8Array) => void },
  ): () => void {
    const stream = new MessageStream(this.#loop, socket, { onMessage, onEnd: () => this.#next() });
    stream.send(message);
    return () => stream[Symbol.dispose]();
  }

  #take(reply: Uint8Array, id: number): void {
    const { query, onReply } = this.#options;
    if (!isReplyTo(reply, { id, question: query.question })) return; // a response to another query: keep waiting
    if (unhelpful.has(codeOf(reply)) && this.#rest.length > 0) {
      this.#poor = reply;
      return this.#next();
    }
    this.cancel();
    onReply(withId(reply, query.id));
  }
}
