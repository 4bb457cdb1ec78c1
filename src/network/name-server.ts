import { sentenceOf } from "../base/failure.ts";
import { log } from "../base/log.ts";
import { startThread, type Thread } from "../linux/kernel/thread.ts";
import { duplicateFd, type Fd, OwnedFd } from "../linux/kernel/fd.ts";
import { openControl, type Order, sendOrders } from "./dns/control.ts";
import { openListeners, type Listeners } from "./dns/listeners.ts";
import type { ThreadStart } from "./dns/answering-thread.ts";
import type { NameBounds, NameEntry, NameView } from "./dns/types.ts";

export type { NameEntry, NameView } from "./dns/types.ts";

/**
 * Answers DNS queries of containers on 127.0.0.11 in their network namespaces. It answers names of other containers
 * from its own directory and forwards other queries to the upstream servers. One thread answers all; the first serve()
 * starts it and the last stop() ends it. All methods are synchronous, so a start may call them at its barriers.
 */
export interface NameServer extends Disposable {
  /** Makes a network known, or gives it its new name. `web.NAME` is the container "web" in it. */
  addNetwork(id: string, name: string): void;
  removeNetwork(id: string): void;
  /** In place of what was known of the endpoint. Nothing happens in a network that is not known. */
  addEntry(networkId: string, entry: NameEntry): void;
  removeEntry(networkId: string, endpointId: string): void;
  /**
   * Listens in the network namespace, whose `lo` is up, before it returns: no question is missed. The descriptor stays
   * the caller's. What served the container before is given up.
   */
  serve(containerId: string, options: { readonly netns: Fd; readonly view: NameView }): void;
  /** Fine when it is not served. */
  setView(containerId: string, view: NameView): void;
  /**
   * Fine when it is not served. Listening keeps the network namespace alive: call it as soon as the container has
   * ended.
   */
  stop(containerId: string): void;
}

const usualBounds: NameBounds = { queries: 4096, connections: 1024 };

export function openNameServer(bounds: NameBounds = usualBounds): NameServer {
  return new ThreadedNameServer(bounds);
}

interface Served {
  readonly netns: OwnedFd;
  readonly listeners: Listeners;
  view: NameView;
}

class ThreadedNameServer implements NameServer {
  readonly #networks = new Map<string, { name: string; readonly entries: Map<string, NameEntry> }>();
  readonly #served = new Map<string, Served>();
  #answering: { readonly thread: Thread; readonly control: OwnedFd; isReady: boolean } | undefined;
  readonly #bounds: NameBounds;
  #beginning: ReturnType<typeof setTimeout> | undefined;

  constructor(bounds: NameBounds) {
    this.#bounds = bounds;
  }

  addNetwork(id: string, name: string): void {
    const known = this.#networks.get(id);
    if (known?.name === name) return;
    this.#networks.set(id, { name, entries: known?.entries ?? new Map() });
    this.#order({ order: "add-network", network: id, name });
  }

  removeNetwork(id: string): void {
    if (this.#networks.delete(id)) this.#order({ order: "remove-network", network: id });
  }

  addEntry(networkId: string, entry: NameEntry): void {
    const network = this.#networks.get(networkId);
    if (network === undefined) return;
    network.entries.set(entry.endpointId, entry);
    this.#order({ order: "add-entry", network: networkId, entry });
  }

  removeEntry(networkId: string, endpointId: string): void {
    if (this.#networks.get(networkId)?.entries.delete(endpointId) !== true) return;
    this.#order({ order: "remove-entry", network: networkId, endpointId });
  }

  serve(containerId: string, { netns, view }: { readonly netns: Fd; readonly view: NameView }): void {
    this.stop(containerId);
    using opened = new DisposableStack();
    const own = opened.use(duplicateFd(netns));
    const listeners = opened.use(openListeners(own.fd));
    const served = { netns: own, listeners, view };
    this.#served.set(containerId, served);
    opened.move();
    if (this.#answering === undefined) this.#beginSoon();
    else this.#send(() => [serveOrder(containerId, served)]);
  }

  setView(containerId: string, view: NameView): void {
    const served = this.#served.get(containerId);
    if (served === undefined) return;
    served.view = view;
    this.#order({ order: "set-view", container: containerId, view });
  }

  stop(containerId: string): void {
    const served = this.#served.get(containerId);
    if (served === undefined) return;
    this.#served.delete(containerId);
    this.#order({ order: "stop", container: containerId });
    served.listeners[Symbol.dispose]();
    served.netns[Symbol.dispose]();
    if (this.#served.size === 0) this.#end();
  }

  /** The thread ends. Node waits for it at the process's end, and can't interrupt its waiting. */
  readonly #letGo = (): void => {
    if (this.#answering === undefined) return;
    this.#answering.isReady = false;
    this.#answering.control[Symbol.dispose]();
  };

  /** Not at once: making a thread takes longer than a start may, and questions wait at the sockets. */
  #beginSoon(): void {
    this.#beginning ??= setTimeout(() => {
      this.#beginning = undefined;
      if (this.#answering === undefined && this.#served.size > 0) this.#begin();
    }, 0);
  }

  /** The thread receives the current state when it starts to read. */
  #begin(): void {
    const { near, far } = openControl();
    const start: ThreadStart = { control: far.move(), bounds: this.#bounds };
    const thread = startThread("network/dns/answering-thread", start);
    const answering = { thread, control: near, isReady: false };
    thread.onReady(() => {
      answering.isReady = true;
      this.#send(() => this.#allOrders());
    });
    thread.onExit((thrown) => this.#replace(thrown));
    this.#answering = answering;
    process.once("exit", this.#letGo);
  }

  #allOrders(): readonly Order[] {
    const orders: Order[] = [];
    for (const [network, { name, entries }] of this.#networks) {
      orders.push({ order: "add-network", network, name });
      for (const entry of entries.values()) orders.push({ order: "add-entry", network, entry });
    }
    for (const [container, served] of this.#served) orders.push(serveOrder(container, served));
    return orders;
  }

  /** The thread has ended unexpectedly. */
  #replace(thrown: unknown): void {
    log("error", `the name server ended and is started anew: ${sentenceOf(thrown)}`);
    this.#end();
    if (this.#served.size > 0) this.#begin();
  }

  #order(order: Order): void {
    this.#send(() => [order]);
  }

  /** A thread that does not read yet receives the whole state when it does. */
  #send(orders: () => readonly Order[]): void {
    if (this.#answering?.isReady === true) sendOrders(this.#answering.control.fd, orders());
  }

  #end(): void {
    process.off("exit", this.#letGo);
    this.#answering?.thread.forget();
    this.#letGo();
    this.#answering = undefined;
  }

  [Symbol.dispose](): void {
    for (const container of this.#served.keys()) this.stop(container);
    clearTimeout(this.#beginning);
    this.#end();
  }
}

/** Has descriptors of its own of what this side keeps, so that closing here and there never meets another file. */
function serveOrder(container: string, { netns, listeners, view }: Served): Order {
  const own = ({ fd }: { readonly fd: Fd }): Fd => duplicateFd(fd).move();
  return {
    order: "serve",
    container,
    udp: own(listeners.udp),
    tcp: own(listeners.tcp),
    netns: own(netns),
    view,
  };
}
