import { Failure } from "../../base/failure.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { holdPort, type PortAddress } from "../../linux/sockets/port-socket.ts";
import { listWaitingSockets, meets } from "../../linux/sockets/waiting-sockets.ts";
import { formatHostPorts } from "../port-clash.ts";
import type { EndpointPlan, NetworkPlan, PublishedPorts } from "../types.ts";
import type { PortRelay } from "./port-relay.ts";
import { firstPorts, keyOfPort, chooseHostPortRanges, type HostPortRange } from "./port-ranges.ts";
import type { EndpointId, NetworkId } from "../../model/ids.ts";

/** Sockets of one container's ports, and of all containers'. */
export const MOST_FOR_ONE = 256;
export const MOST_IN_ALL = 2048;
/** A socket takes 5 µs: so many are opened at once, the others in the next turns of the event loop. */
const AT_ONCE = 32;

/** A published port that a program of the host has bound as well. That program receives nothing. */
export interface PortConflict extends PortAddress {
  readonly endpointId: EndpointId;
}

interface Entry {
  readonly container: string;
  readonly runs: readonly HostPortRange[];
  /** Those of the runs that may have a socket. */
  readonly ports: readonly PortAddress[];
  /** The number of addresses that have been tried. */
  tried: number;
  readonly sockets: Map<string, OwnedFd>;
}

/**
 * Holds a socket for each published port: another program that binds it is refused (EADDRINUSE) instead of receiving
 * nothing. The number of sockets is limited; for ports without one, conflicts are found by comparing the host's sockets
 * on request.
 */
export class HeldPorts implements Disposable {
  readonly #entries = new Map<EndpointId, Entry>();
  /** Sockets by container. */
  readonly #counts = new Map<string, number>();
  readonly #keys = new Set<string>();
  readonly #relay: Pick<PortRelay, "isOwn">;
  #next: ReturnType<typeof setImmediate> | undefined;

  /** `relay`: its sockets are no other program's. */
  constructor(relay: Pick<PortRelay, "isOwn"> = { isOwn: () => false }) {
    this.#relay = relay;
  }

  /**
   * Holds what the endpoint publishes, and nothing that it published before. Throws "conflict" for a port that another
   * program has; the endpoint holds what it did before then. `isRestored`: such a port is a conflict to report instead.
   */
  hold(
    { plan, endpoint }: { readonly plan: NetworkPlan; readonly endpoint: EndpointPlan },
    { isRestored = false }: { readonly isRestored?: boolean | undefined } = {},
  ): void {
    const known = this.#entries.get(endpoint.id);
    const runs = chooseHostPortRanges(plan, endpoint);
    if (runs.length === 0) return this.release(endpoint.id);
    const ports = firstPorts(runs, MOST_FOR_ONE);
    const container = endpoint.containerId ?? endpoint.id;
    const entry: Entry = { container, runs, ports, tried: 0, sockets: known?.sockets ?? new Map() };
    this.#closeOthers(entry);
    this.#entries.set(endpoint.id, entry);
    try {
      this.#tryNext(entry, { isStrict: !isRestored });
    } catch (thrown) {
      if (known === undefined) this.release(endpoint.id);
      else {
        this.#closeOthers(known);
        this.#entries.set(endpoint.id, { ...known, tried: 0 });
      }
      throw thrown;
    } finally {
      this.#continueLater();
    }
  }

  /** Sockets of ports that the entry does not contain. */
  #closeOthers(entry: Entry): void {
    const keys = new Set(entry.ports.map(keyOfPort));
    for (const key of entry.sockets.keys()) if (!keys.has(key)) this.#close(entry, key);
  }

  /** Fine when absent. */
  release(id: EndpointId): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    for (const key of entry.sockets.keys()) this.#close(entry, key);
  }

  /** Whether a port with this number has a socket here, at any address. */
  hasPort(protocol: PortAddress["protocol"], port: number): boolean {
    const has = (bound: PortAddress): boolean => bound.protocol === protocol && bound.port === port;
    return this.#entries.values().some(({ ports, sockets }) => sockets.size > 0 && ports.some(has));
  }

  /** Whether a socket that has this place is one of these. */
  isOwn({ protocol, address, port }: PortAddress): boolean {
    return (
      this.#keys.has(keyOfPort({ protocol, address, port })) ||
      this.#keys.has(keyOfPort({ protocol, address: undefined, port })) ||
      this.#relay.isOwn({ protocol, address, port })
    );
  }

  /**
   * Holds the published ports of these endpoints, and no others. A port that another program uses becomes a conflict.
   */
  reset({
    plans,
    endpoints,
  }: {
    readonly plans: ReadonlyMap<NetworkId, NetworkPlan>;
    readonly endpoints: ReadonlyMap<EndpointId, EndpointPlan>;
  }): void {
    for (const id of this.#entries.keys()) if (!endpoints.has(id)) this.release(id);
    for (const endpoint of endpoints.values()) {
      const plan = plans.get(endpoint.networkId);
      if (plan !== undefined) this.hold({ plan, endpoint }, { isRestored: true });
    }
  }

  conflicts(): readonly PortConflict[] {
    return [...this.#entries.keys()].flatMap((id) =>
      this.#conflictsOf(id).map((bound) => ({ ...bound, endpointId: id })),
    );
  }

  /** The conflicts of an endpoint among these ports. */
  conflictsIn({ protocol, hostPort, count }: PublishedPorts, id: EndpointId): readonly number[] {
    const found = this.#conflictsOf(id)
      .filter((bound) => bound.protocol === protocol)
      .map(({ port }) => port)
      .filter((port) => port >= hostPort && port < hostPort + count);
    return [...new Set(found)].sort((one, other) => one - other);
  }

  /**
   * Tries the ports without a socket again, as far as the limits allow, and compares the others with the sockets of the
   * host.
   */
  #conflictsOf(id: EndpointId): readonly PortAddress[] {
    const entry = this.#entries.get(id);
    if (entry === undefined) return [];
    const lacking = entry.ports.filter((bound) => !entry.sockets.has(keyOfPort(bound)));
    const taken = lacking.filter((bound) => this.#try(entry, bound) === "taken");
    const known = new Set(taken.map(({ protocol, port }) => `${protocol} ${port}`));
    return [
      ...taken,
      ...this.#findShared(entry).filter((bound) => !known.has(`${bound.protocol} ${bound.port}`)),
    ];
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#next);
    for (const id of this.#entries.keys()) this.release(id);
  }

  /** Whether some are left. */
  #tryNext(entry: Entry, { isStrict }: { readonly isStrict: boolean }): boolean {
    const end = entry.tried + AT_ONCE;
    for (const bound of entry.ports.slice(entry.tried, end)) {
      entry.tried++;
      if (this.#try(entry, bound) === "taken" && isStrict) throw inUse(bound);
    }
    return entry.tried < entry.ports.length;
  }

  #try(entry: Entry, bound: PortAddress): "held" | "taken" | "busy" {
    const key = keyOfPort(bound);
    if (entry.sockets.has(key)) return "held";
    const count = this.#counts.get(entry.container) ?? 0;
    if (count >= MOST_FOR_ONE || this.#keys.size >= MOST_IN_ALL) return "busy";
    const socket = holdPort(bound);
    if (typeof socket === "string") return socket;
    entry.sockets.set(key, socket);
    this.#keys.add(key);
    this.#counts.set(entry.container, count + 1);
    return "held";
  }

  #close(entry: Entry, key: string): void {
    entry.sockets.get(key)?.[Symbol.dispose]();
    entry.sockets.delete(key);
    this.#keys.delete(key);
    const count = (this.#counts.get(entry.container) ?? 0) - 1;
    if (count > 0) this.#counts.set(entry.container, count);
    else this.#counts.delete(entry.container);
  }

  #continueLater(): void {
    const isLeft = this.#entries.values().some(({ tried, ports }) => tried < ports.length);
    if (!isLeft || this.#next !== undefined) return;
    this.#next = setImmediate(() => {
      this.#next = undefined;
      for (const entry of this.#entries.values())
        if (entry.tried < entry.ports.length) {
          this.#tryNext(entry, { isStrict: false });
          break;
        }
      this.#continueLater();
    });
  }

  /** Sockets of the host at ports that have none of these. */
  #findShared(entry: Entry): readonly PortAddress[] {
    const total = entry.runs.reduce((sum, { count }) => sum + count, 0);
    if (entry.sockets.size === total) return [];
    const protocols = new Set(entry.runs.map(({ protocol }) => protocol));
    return [...protocols].flatMap((protocol) =>
      listWaitingSockets(protocol)
        .map(({ address, port }): PortAddress => ({ protocol, address, port }))
        .filter((bound) => !this.#keys.has(keyOfPort(bound)) && !this.isOwn(bound))
        .filter(({ address, port }) =>
          entry.runs.some(
            (run) =>
              run.protocol === protocol &&
              port >= run.port &&
              port < run.port + run.count &&
              (address === undefined || meets(address, run.address)),
          ),
        ),
    );
  }
}

function inUse({ protocol, address, port }: PortAddress): Failure {
  const text = formatHostPorts({
    protocol,
    hostAddress: address,
    hostPort: port,
    containerPort: port,
    count: 1,
  });
  return new Failure(
    "conflict",
    `cannot publish port ${text}: address already in use: a program on the host has bound it`,
    { details: { hostPort: port } },
  );
}
