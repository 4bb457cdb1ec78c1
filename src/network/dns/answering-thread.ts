import { sentenceOf } from "../../base/failure.ts";
import { formatLog } from "../../base/log.ts";
import { EPOLLIN } from "../../linux/kernel/epoll.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { inNetworkNamespace } from "../../linux/namespaces/network-namespace.ts";
import { attempt } from "../../linux/kernel/syscall.ts";
import { beginThread, signalReady } from "../../linux/kernel/thread.ts";
import { parseIpAddress } from "../../spec/ip-address.ts";
import { type Order, receiveOrders } from "./control.ts";
import { NameDirectory } from "./directory.ts";
import { EventLoop, guarded } from "./event-loop.ts";
import { FairShare } from "../fair-share.ts";
import { Resolver, type SharedBounds } from "./resolver.ts";
import type { NameBounds } from "./types.ts";

/** The input of the thread, which owns the descriptor. */
export interface ThreadStart {
  readonly control: Fd;
  readonly bounds: NameBounds;
}

const standardError = 2;

function say(text: string): void {
  const line = `${formatLog("error", text)}\n`;
  attempt("write", standardError, line, Buffer.byteLength(line));
}

class Answering {
  readonly #loop: EventLoop;
  readonly #directory = new NameDirectory();
  readonly #resolvers = new Map<string, { readonly resolver: Resolver; readonly netns: OwnedFd }>();

  readonly #shared: SharedBounds;

  constructor(loop: EventLoop, bounds: NameBounds) {
    this.#loop = loop;
    this.#shared = {
      queries: new FairShare(bounds.queries),
      connections: new FairShare(bounds.connections),
    };
  }

  obey(order: Order): void {
    switch (order.order) {
      case "add-network":
        return this.#directory.addNetwork(order.network, order.name);
      case "remove-network":
        return this.#directory.removeNetwork(order.network);
      case "add-entry": {
        const { endpointId, names, addresses } = order.entry;
        const entry = { endpointId, names, addresses: addresses.map(parseIpAddress) };
        return this.#directory.addEntry(order.network, entry);
      }
      case "remove-entry":
        return this.#directory.removeEntry(order.network, order.endpointId);
      case "serve":
        return this.#serve(order);
      case "set-view": {
        const served = this.#resolvers.get(order.container);
        if (served !== undefined) served.resolver.view = order.view;
        return;
      }
      case "stop":
        return this.#stop(order.container);
      default:
        order satisfies never;
    }
  }

  #serve(order: Extract<Order, { order: "serve" }>): void {
    this.#stop(order.container);
    const netns = new OwnedFd(order.netns);
    const resolver = new Resolver(this.#loop, {
      sockets: { udp: new OwnedFd(order.udp), tcp: new OwnedFd(order.tcp) },
      directory: this.#directory,
      view: order.view,
      shared: this.#shared,
      within: (from, open) => (from === "host" ? open() : inNetworkNamespace(netns.fd, open)),
    });
    this.#resolvers.set(order.container, { resolver, netns });
  }

  #stop(container: string): void {
    const served = this.#resolvers.get(container);
    this.#resolvers.delete(container);
    served?.resolver[Symbol.dispose]();
    served?.netns[Symbol.dispose]();
  }

  stopAll(): void {
    for (const container of this.#resolvers.keys()) this.#stop(container);
  }
}

function sayThrown(thrown: unknown): void {
  say(`the name server goes on after: ${sentenceOf(thrown)}`);
}

function answer({ control, bounds }: ThreadStart): void {
  using channel = new OwnedFd(control);
  using loop = new EventLoop();
  const answering = new Answering(loop, bounds);
  loop.watch(channel.fd, EPOLLIN, () => {
    const orders = receiveOrders(channel.fd);
    if (orders === undefined) loop.stop();
    for (const order of orders ?? []) guarded(() => answering.obey(order), sayThrown);
  });
  signalReady();
  loop.run(sayThrown);
  answering.stopAll();
}

answer(beginThread<ThreadStart>());
