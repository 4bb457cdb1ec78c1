import { formatIpAddress, type IpAddress, parseIpAddress } from "../../spec/ip-address.ts";
import { readDescriptorBudget } from "../../linux/process/descriptor-budget.ts";
import type { PortAddress } from "../../linux/sockets/port-socket.ts";
import type { EndpointId, NetworkId } from "../../model/ids.ts";
import { FairShare } from "../fair-share.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";
import { keyOfPort } from "./port-ranges.ts";
import type { Relay, RelayBounds } from "./relay.ts";
import { isKeptOut, planRelays, type RelayTarget } from "./relay-targets.ts";

/** A listener takes 50 to 200 µs: so many are opened at once, the others in the next turns of the event loop. */
const AT_ONCE = 8;

interface Entry {
  readonly targets: ReadonlyMap<string, RelayTarget>;
  readonly relays: Map<string, Relay>;
  /** Not opened yet. */
  readonly waiting: Set<string>;
}

interface Bounds extends RelayBounds {
  readonly ports: FairShare;
  /** Of ports in all. */
  readonly most: number;
}

/**
 * Relays TCP and UDP from ports at the host's IPv6 addresses to containers that have IPv4 alone: the kernel does not
 * translate between the families. Ports open after the start that publishes them. What is relayed ends with this
 * process; the next one opens the same ports.
 */
export class PortRelay implements Disposable {
  readonly #plans: ReadonlyMap<NetworkId, NetworkPlan>;
  readonly #note: (sentence: string) => void;
  readonly #entries = new Map<EndpointId, Entry>();
  /** Of open relays. */
  readonly #keys = new Set<string>();
  #bounds: Bounds | undefined;
  #next: ReturnType<typeof setImmediate> | undefined;
  #isOpening = false;

  /** `plans`: of all networks, as they are at the time of a connection. */
  constructor(plans: ReadonlyMap<NetworkId, NetworkPlan>, note: (sentence: string) => void) {
    this.#plans = plans;
    this.#note = note;
  }

  /** Relays the ports of the endpoint, and no others of it. Those that stay are not interrupted. Does not wait. */
  hold({ plan, endpoint }: { readonly plan: NetworkPlan; readonly endpoint: EndpointPlan }): void {
    const known = this.#entries.get(endpoint.id);
    if (known === undefined && endpoint.relaysIpv6 !== true) return;
    const planned = planRelays(plan, endpoint, this.#getBounds().most);
    const targets = new Map(planned.map((target) => [keyOfRelay(target), target]));
    const relays = known?.relays ?? new Map<string, Relay>();
    for (const key of relays.keys()) if (!targets.has(key)) this.#close(relays, key);
    if (targets.size === 0) return void this.#entries.delete(endpoint.id);
    const waiting = new Set([...targets.keys()].filter((key) => !relays.has(key)));
    this.#entries.set(endpoint.id, { targets, relays, waiting });
    this.#openLater();
  }

  /** Ends what is relayed for the endpoint. Fine when absent. */
  release(id: EndpointId): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    for (const key of entry.relays.keys()) this.#close(entry.relays, key);
  }

  /** Relays the ports of these endpoints, and no others. */
  reset(endpoints: ReadonlyMap<EndpointId, EndpointPlan>): void {
    for (const id of this.#entries.keys()) if (!endpoints.has(id)) this.release(id);
    for (const endpoint of endpoints.values()) {
      const plan = this.#plans.get(endpoint.networkId);
      if (plan !== undefined) this.hold({ plan, endpoint });
    }
  }

  /** Whether a socket that has this place is one of these. */
  isOwn(place: PortAddress): boolean {
    return this.#keys.has(keyOfPort(place));
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#next);
    for (const id of this.#entries.keys()) this.release(id);
  }

  #close(relays: Map<string, Relay>, key: string): void {
    const relay = relays.get(key);
    if (relay === undefined) return;
    relays.delete(key);
    this.#keys.delete(keyOfPort(relay.target));
    this.#bounds?.ports.release();
    relay[Symbol.dispose]();
  }

  #openLater(): void {
    if (this.#next !== undefined || this.#isOpening) return;
    if (!this.#entries.values().some(({ waiting }) => waiting.size > 0)) return;
    this.#next = setImmediate(() => {
      this.#next = undefined;
      this.#isOpening = true;
      void this.#openSome().finally(() => {
        this.#isOpening = false;
        this.#openLater();
      });
    });
  }

  async #openSome(): Promise<void> {
    const { openRelay } = await import("./relay.ts");
    const bounds = this.#getBounds();
    let opened = 0;
    for (const entry of this.#entries.values()) {
      for (const key of entry.waiting) {
        if (opened++ >= AT_ONCE) return;
        entry.waiting.delete(key);
        const target = entry.targets.get(key);
        if (target === undefined) continue;
        if (!bounds.ports.take(entry.relays.size)) {
          const what = `port [${formatIpAddress(target.address)}]:${target.port} and those after it`;
          this.#note(`cannot relay ${what}: too many ports are relayed already`);
          entry.waiting.clear();
          break;
        }
        this.#keys.add(keyOfPort(target));
        const relay = openRelay(target, bounds, (reason) => {
          this.#note(`cannot relay port [${formatIpAddress(target.address)}]:${target.port}: ${reason}`);
          if (entry.relays.get(key) === relay) this.#close(entry.relays, key);
        });
        entry.relays.set(key, relay);
      }
    }
  }

  #getBounds(): Bounds {
    if (this.#bounds !== undefined) return this.#bounds;
    const { ports, connections } = readDescriptorBudget().relays;
    return (this.#bounds = {
      most: ports,
      ports: new FairShare(ports),
      connections: new FairShare(connections),
      flows: new FairShare(connections),
      isKeptOut: (caller) => isKeptOut(parseCaller(caller), this.#plans.values()),
    });
  }
}

function keyOfRelay(target: RelayTarget): string {
  return `${keyOfPort(target)} ${target.to.address} ${target.to.port}`;
}

/** `fe80::1%eth0` → fe80::1 */
function parseCaller(text: string): IpAddress {
  return parseIpAddress(text.split("%")[0] ?? "");
}
