import { createSocket, type RemoteInfo, type Socket as DatagramSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket } from "node:net";
import { sentenceOf } from "../../base/failure.ts";
import { formatIpAddress } from "../../spec/ip-address.ts";
import type { FairShare } from "../fair-share.ts";
import type { RelayTarget } from "./relay-targets.ts";

/** Bounds that all relays share. A connection takes two descriptors, a flow of UDP one. */
export interface RelayBounds {
  readonly connections: FairShare;
  readonly flows: FairShare;
  /** Whether a caller may not reach published ports. */
  readonly isKeptOut: (address: string) => boolean;
}

/** One open port. Disposal closes it and resets its connections. */
export interface Relay extends Disposable {
  readonly target: RelayTarget;
}

const KEEP_ALIVE_MS = 60_000;
/** As docker-proxy. */
const IDLE_FLOW_MS = 90_000;

/** `onLost`: the port cannot be opened, or not kept. */
export function openRelay(target: RelayTarget, bounds: RelayBounds, onLost: (reason: string) => void): Relay {
  const relay = target.protocol === "tcp" ? new TcpRelay(target, bounds) : new UdpRelay(target, bounds);
  relay.open((thrown) => onLost(sentenceOf(thrown)));
  return relay;
}

/** Copies bytes both ways with back-pressure; the end of either direction, and a reset, go on to the other side. */
class TcpRelay implements Relay {
  readonly target: RelayTarget;
  readonly #bounds: RelayBounds;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  constructor(target: RelayTarget, bounds: RelayBounds) {
    this.target = target;
    this.#bounds = bounds;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  open(onError: (thrown: unknown) => void): void {
    const { address, port } = this.target;
    this.#server.on("error", onError);
    this.#server.listen({ host: formatIpAddress(address), port, ipv6Only: true });
    this.#server.unref();
  }

  #accept(client: Socket): void {
    client.on("error", () => undefined); // its "close" follows
    const { connections, isKeptOut } = this.#bounds;
    const caller = client.remoteAddress;
    if (caller === undefined || isKeptOut(caller) || !connections.take(this.#clients.size)) {
      client.resetAndDestroy();
      return;
    }
    const { address: host, port } = this.target.to;
    const container = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.#clients.add(client);
    container.on("error", () => undefined);
    client.on("close", (isBroken) => {
      this.#clients.delete(client);
      connections.release();
      endWith(container, isBroken);
    });
    container.on("close", (isBroken) => endWith(client, isBroken));
    // A caller that vanishes must not keep its share.
    client.setKeepAlive(true, KEEP_ALIVE_MS);
    client.unref();
    container.unref();
    container.on("connect", () => {
      client.pipe(container);
      container.pipe(client);
    });
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const client of this.#clients) client.resetAndDestroy();
  }
}

/** The other side has closed: what it sent before is delivered, unless the connection was reset. */
function endWith(socket: Socket, isBroken: boolean): void {
  if (socket.destroyed) return;
  if (isBroken || socket.connecting) socket.resetAndDestroy();
  else socket.end(() => socket.destroy());
}

interface Flow {
  readonly socket: DatagramSocket;
  lastMs: number;
}

/** Each caller has a socket of its own towards the container, until it has been idle. */
class UdpRelay implements Relay {
  readonly target: RelayTarget;
  readonly #bounds: RelayBounds;
  readonly #socket: DatagramSocket;
  /** By caller; the one that was used last is the last. */
  readonly #flows = new Map<string, Flow>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(target: RelayTarget, bounds: RelayBounds) {
    this.target = target;
    this.#bounds = bounds;
    this.#socket = createSocket({ type: "udp6", ipv6Only: true });
  }

  open(onError: (thrown: unknown) => void): void {
    const { address, port } = this.target;
    this.#socket.on("error", onError);
    this.#socket.on("message", (message, caller) => this.#forward(message, caller));
    this.#socket.bind({ address: formatIpAddress(address), port, exclusive: true });
    this.#socket.unref();
  }

  #forward(message: Buffer, caller: RemoteInfo): void {
    if (this.#bounds.isKeptOut(caller.address)) return;
    const key = `${caller.address} ${caller.port}`;
    const flow = this.#flows.get(key) ?? this.#begin(caller, key);
    if (flow === undefined) return;
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    flow.lastMs = performance.now();
    const { address, port } = this.target.to;
    flow.socket.send(message, port, address);
  }

  #begin(caller: RemoteInfo, key: string): Flow | undefined {
    // The flow of this port that was used least recently ends first.
    if (!this.#bounds.flows.take(this.#flows.size)) {
      const [oldest] = this.#flows.keys();
      if (oldest === undefined) return undefined;
      this.#end(oldest);
      if (!this.#bounds.flows.take(this.#flows.size)) return undefined;
    }
    const socket = createSocket("udp4");
    const { address, port } = this.target.to;
    socket.on("error", () => this.#end(key));
    socket.on("message", (reply, from) => {
      if (from.address === address && from.port === port)
        this.#socket.send(reply, caller.port, caller.address);
    });
    socket.unref();
    this.#timer ??= this.#startTimer();
    return { socket, lastMs: performance.now() };
  }

  #end(key: string): void {
    const flow = this.#flows.get(key);
    if (flow === undefined) return;
    this.#flows.delete(key);
    this.#bounds.flows.release();
    flow.socket.close();
  }

  #startTimer(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#endIdle(), IDLE_FLOW_MS);
    timer.unref();
    return timer;
  }

  #endIdle(): void {
    const before = performance.now() - IDLE_FLOW_MS;
    for (const [key, { lastMs }] of this.#flows) if (lastMs <= before) this.#end(key);
    this.#timer = this.#flows.size === 0 ? undefined : this.#startTimer();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const key of this.#flows.keys()) this.#end(key);
    this.#socket.close();
  }
}
