import { sentenceOf } from "../../base/failure.ts";
import { findLink, findLinkIndex } from "../../linux/netlink/links.ts";
import type { NetlinkSocket } from "../../linux/netlink/netlink-socket.ts";
import { parseRouteEvents, type RouteEvent } from "../../linux/netlink/route-events.ts";
import type { HostSide } from "../host-side.ts";
import { vethNameOf } from "../interface-names.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";
import { findBridgeFaults } from "./bridge-faults.ts";
import type { BridgeBypass } from "./bridge-bypass.ts";
import { readBridge } from "./read-bridge.ts";
import { restoreBridge } from "./restore-bridge.ts";
import { MOST_RESTORES, RestoreLimit } from "./restore-limit.ts";
import type { EndpointId, NetworkId } from "../../model/ids.ts";

/** The networks and endpoints that should be in the kernel. */
export interface Wanted {
  readonly plans: ReadonlyMap<NetworkId, NetworkPlan>;
  readonly endpoints: ReadonlyMap<EndpointId, EndpointPlan>;
}

/**
 * Restores bridges that another program has deleted, set down, or taken addresses, routes or ports from. It reads the
 * kernel's events and compares each named bridge with its plan. It does not distinguish the engine's own changes: they
 * leave no difference.
 */
export class BridgeWatch {
  readonly #host: HostSide;
  readonly #events: NetlinkSocket;
  readonly #bypass: BridgeBypass;
  readonly #limit: RestoreLimit;
  /** Indexes of bridges. An event of an address or a route contains no name. */
  readonly #indexes = new Map<number, NetworkId>();
  /** Networks whose limit was reached; they are compared again when it allows a restore. */
  readonly #waiting = new Set<NetworkId>();

  /** `events`: see openRouteEvents(). */
  constructor(
    {
      host,
      events,
      bypass,
    }: { readonly host: HostSide; readonly events: NetlinkSocket; readonly bypass: BridgeBypass },
    limit: RestoreLimit = new RestoreLimit(),
  ) {
    this.#host = host;
    this.#events = events;
    this.#bypass = bypass;
    this.#limit = limit;
  }

  /** The network's bridge exists. */
  follow({ id, driver, interfaceName }: NetworkPlan): void {
    if (driver !== "bridge") return;
    const index = findLinkIndex(this.#host.route, interfaceName);
    if (index === undefined || this.#indexes.get(index) === id) return;
    for (const [old, network] of this.#indexes) if (network === id) this.#indexes.delete(old);
    this.#indexes.set(index, id);
  }

  /** The network was removed. */
  forget(id: NetworkId): void {
    for (const [index, network] of this.#indexes) if (network === id) this.#indexes.delete(index);
    this.#waiting.delete(id);
    this.#limit.forget(id);
  }

  /** Whether the bridge is left as it is, because it has been restored too often. */
  isLeft(id: NetworkId): boolean {
    return this.#waiting.has(id);
  }

  /**
   * Compares what has changed since the last call, and restores it. Failures become notes. Without events it is one
   * system call.
   */
  look(wanted: Wanted): void {
    try {
      this.#look(wanted);
    } catch (thrown) {
      this.#host.note(`cannot compare the bridges with their networks: ${sentenceOf(thrown)}`);
    }
  }

  #look(wanted: Wanted): void {
    const { events, lost } = this.#events.take();
    const changed = lost ? [...wanted.plans.keys()] : this.#changedNetworks(parseRouteEvents(events), wanted);
    for (const id of new Set([...changed, ...this.#waiting])) {
      const plan = wanted.plans.get(id);
      if (plan?.driver === "bridge") this.#check(plan, wanted);
      else this.#waiting.delete(id);
    }
  }

  #changedNetworks(events: readonly RouteEvent[], wanted: Wanted): readonly NetworkId[] {
    if (events.length === 0) return [];
    const { vethPrefix } = this.#host.names;
    const changed = new Set<NetworkId>();
    const ports = new Map<string, RouteEvent["change"]>();
    const byName = new Map([...wanted.plans.values()].map((plan) => [plan.interfaceName, plan.id]));
    for (const { change, index, name } of events) {
      if (name.startsWith(vethPrefix)) {
        // A new pair is down first; only the last state counts.
        if (change !== "up" || ports.get(name) === "down") ports.set(name, change);
        continue;
      }
      const network = this.#indexes.get(index) ?? byName.get(name);
      if (network !== undefined && change !== "up") changed.add(network);
      else if (network !== undefined && byName.get(name) !== network) changed.add(network); // renamed
    }
    const suspects = [...ports].filter(([, change]) => change === "down" || change === "off-bridge");
    for (const [name] of suspects) {
      const endpoint = this.#endpointOf(name, wanted);
      if (endpoint !== undefined && this.#isOff(name, wanted.plans.get(endpoint.networkId)))
        changed.add(endpoint.networkId);
    }
    return [...changed];
  }

  #endpointOf(name: string, { endpoints }: Wanted): EndpointPlan | undefined {
    return endpoints.values().find(({ id }) => vethNameOf(this.#host.names, id) === name);
  }

  /** Whether the port exists and carries nothing. A port that is gone went with its container. */
  #isOff(name: string, plan: NetworkPlan | undefined): boolean {
    const { route } = this.#host;
    const port = findLink(route, name);
    if (plan === undefined || port === undefined) return false;
    return !port.isUp || port.master !== findLinkIndex(route, plan.interfaceName);
  }

  #check(plan: NetworkPlan, wanted: Wanted): void {
    const { id, name, interfaceName } = plan;
    if (this.#waiting.has(id) && this.#limit.isReached(id)) return;
    const faults = this.#faults(plan, wanted);
    const [first] = faults;
    this.#waiting.delete(id);
    if (first === undefined) return;
    const subject = `the bridge ${interfaceName} of network ${name} was changed by another program`;
    if (this.#limit.isReached(id)) {
      this.#waiting.add(id);
      this.#host.note(
        `${subject}: ${faults.join("; ")}; it was restored ${MOST_RESTORES} times within a minute, and is now left as it is until the minute is over`,
      );
      return;
    }
    this.#limit.count(id);
    try {
      restoreBridge(this.#host, plan, { ...wanted, bypass: this.#bypass });
      this.follow(plan);
      this.#host.note(`${subject}: ${faults.join("; ")}; it has been restored`);
    } catch (thrown) {
      this.#waiting.add(id);
      this.#host.note(`${subject}, and cannot be restored: ${sentenceOf(thrown)}`);
    }
  }

  #faults(plan: NetworkPlan, wanted: Wanted): readonly string[] {
    const ports = [...wanted.endpoints.values()].filter(({ networkId }) => networkId === plan.id);
    const off = ports.filter(({ id }) => this.#isOff(vethNameOf(this.#host.names, id), plan));
    return [
      ...findBridgeFaults(plan, readBridge(this.#host.route, plan, { hasPorts: ports.length > 0 })),
      ...(off.length === 0 ? [] : [`${off.length} of its ports do not work`]),
    ];
  }
}
