import { Failure } from "../base/failure.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import type { Fd } from "../linux/kernel/fd.ts";
import { findLinkIndex, removeLink, type NetlinkRequest } from "../linux/netlink/links.ts";
import { formatIpAddress, type IpAddress } from "../spec/ip-address.ts";
import { bringUpLoopback, removeContainerSide, replaceDefaultGateways } from "./container-side.ts";
import type { HostSide } from "./host-side.ts";
import { vethNameOf } from "./interface-names.ts";
import { LeavingLinks, type LeavingLink } from "./leaving-links.ts";
import { leavingChildLink } from "./child-links/own-child-links.ts";
import type { NetworkRecords, Networks } from "./networks.ts";
import type { EndpointPlan, NetworkPlan } from "./types.ts";
import type { EndpointId, NetworkId } from "../model/ids.ts";

type Shared = "detach" | "disconnect" | "linkGone" | "expelLink" | "setDefaultGateways" | "bringUpLoopback";

/** The common base of networks with and without a firewall: the requested state and the links of endpoints. */
export abstract class EndpointNetworks implements Pick<Networks, Shared> {
  protected readonly lock: KeyedLock = new KeyedLock();
  protected readonly plans: Map<NetworkId, NetworkPlan> = new Map();
  protected readonly endpoints: Map<EndpointId, EndpointPlan> = new Map();
  protected readonly leaving: LeavingLinks = new LeavingLinks();

  /** Undefined before the first network, and after the end. */
  protected abstract get host(): HostSide | undefined;

  /** Forgets an endpoint, and removes all that leads to it but its link. The lock is held. */
  protected abstract cutOff(endpoint: EndpointPlan, plan: NetworkPlan | undefined): Promise<void>;

  async detach(id: EndpointId): Promise<void> {
    using _ = await this.lock.acquire("");
    const endpoint = this.endpoints.get(id);
    if (endpoint !== undefined) await this.#detach(endpoint);
  }

  async linkGone(id: EndpointId): Promise<void> {
    await this.leaving.gone(id);
  }

  async expelLink(id: EndpointId): Promise<void> {
    await this.leaving.expel(id);
  }

  async disconnect(endpoint: EndpointPlan, { netnsFd }: { readonly netnsFd: Fd }): Promise<void> {
    using _ = await this.lock.acquire("");
    const known = this.endpoints.get(endpoint.id);
    // Its namespace lives on.
    this.host?.childLinks.delete(endpoint.id);
    if (known !== undefined) await this.#detach(known);
    const ownsParent = this.plans.get(endpoint.networkId)?.driver === "bridge";
    removeContainerSide(endpoint.interfaceName, { netnsFd, withSiblings: ownsParent });
  }

  async setDefaultGateways(
    endpoint: EndpointPlan,
    options: { readonly netnsFd: Fd; readonly gateways: readonly IpAddress[] },
  ): Promise<void> {
    using _ = await this.lock.acquire("");
    replaceDefaultGateways(endpoint, options);
    const known = this.endpoints.get(endpoint.id);
    if (known !== undefined) this.endpoints.set(endpoint.id, { ...known, defaultGateways: options.gateways });
  }

  bringUpLoopback({ netnsFd }: { readonly netnsFd: Fd }): void {
    bringUpLoopback(netnsFd);
  }

  protected getPlan(id: NetworkId): NetworkPlan {
    const plan = this.plans.get(id);
    if (plan === undefined)
      throw new Failure("not-found", `cannot attach to network ${id.slice(0, 12)}: it has not been set up`);
    return plan;
  }

  /** By another endpoint of its network: its hardware address; of those that have none, one of its addresses. */
  protected isAddressTaken({ networkId, macAddress, addresses }: EndpointPlan): boolean {
    const own = addresses.map(({ address }) => formatIpAddress(address));
    return this.endpoints
      .values()
      .some(
        (other) =>
          other.networkId === networkId &&
          (macAddress === ""
            ? other.addresses.some(({ address }) => own.includes(formatIpAddress(address)))
            : other.macAddress === macAddress),
      );
  }

  /** These, and no others. */
  protected replaceRecords({ networks, endpoints }: NetworkRecords): void {
    this.plans.clear();
    this.endpoints.clear();
    for (const plan of networks) this.plans.set(plan.id, plan);
    for (const endpoint of endpoints) this.endpoints.set(endpoint.id, endpoint);
  }

  async #detach(endpoint: EndpointPlan): Promise<void> {
    const { id, networkId } = endpoint;
    const plan = this.plans.get(networkId);
    await this.cutOff(endpoint, plan);
    const link = this.#leavingLinkOf(endpoint, plan);
    if (link !== undefined) this.leaving.add(id, link);
    this.host?.childLinks.delete(id);
  }

  #leavingLinkOf(endpoint: EndpointPlan, plan: NetworkPlan | undefined): LeavingLink | undefined {
    const { host } = this;
    if (host === undefined) return undefined;
    const childLink = host.childLinks.get(endpoint.id);
    if (childLink !== undefined) {
      return leavingChildLink(endpoint.id, childLink, {
        remove: (planRemoval) => this.#send(planRemoval),
        isReplaced: () => this.isAddressTaken(endpoint),
      });
    }
    if (plan?.driver !== "bridge") return undefined;
    const name = vethNameOf(host.names, endpoint.id);
    return {
      isThere: (socket) => findLinkIndex(socket, name) !== undefined,
      remove: () => this.#send(() => [removeLink(name)]),
    };
  }

  /** In another thread: see removeLink(). */
  async #send(planRequests: (host: HostSide) => readonly NetlinkRequest[]): Promise<void> {
    using _ = await this.lock.acquire("");
    const { host } = this;
    if (host !== undefined) await host.route.sendAside(planRequests(host));
  }
}
