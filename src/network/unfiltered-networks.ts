import { Failure, sentenceOf } from "../base/failure.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import type { Fd } from "../linux/fd.ts";
import { removeLink } from "../linux/links.ts";
import { openNetlink } from "../linux/netlink-socket.ts";
import type { IpAddress } from "../spec/ip-address.ts";
import { attachToBridge, detachFromBridge, ensureBridge, removeBridge } from "./bridge/bridge-driver.ts";
import { removeStrayLinks } from "./bridge/own-links.ts";
import { bringUpLoopback, removeContainerSide, replaceDefaultGateways } from "./container-side.ts";
import type { HostSide } from "./host-side.ts";
import { ownNamesOf, vethNameOf } from "./interface-names.ts";
import { LeavingLinks } from "./leaving-links.ts";
import { attachMacvlan, ensureMacvlanParent, removeMacvlanParent } from "./macvlan/macvlan-driver.ts";
import type {
  AttachedEndpoint,
  NetworkFinding,
  NetworkRecords,
  Networks,
  NetworksOptions,
  PortReach,
  PublishPolicy,
} from "./networks.ts";
import type { EndpointId, EndpointPlan, NetworkId, NetworkPlan, PublishedPorts } from "./types.ts";

/** The default network, by the name that the engine reserves for it. */
const defaultNetwork = "bridge";
const lack = "this kernel has no nf_tables (CONFIG_NF_TABLES_INET)";

/**
 * Networks of a kernel without nf_tables. The default network and those of macvlan work; nothing is published or masqueraded, and the host
 * is not made to forward. Other bridge networks are refused: nothing would keep them apart.
 */
export class UnfilteredNetworks implements Networks {
  readonly #options: NetworksOptions;
  readonly #lock = new KeyedLock();
  readonly #plans = new Map<NetworkId, NetworkPlan>();
  readonly #endpoints = new Map<EndpointId, EndpointPlan>();
  readonly #leaving = new LeavingLinks((name) => this.#removeLink(name));
  #host: (HostSide & Disposable) | undefined;
  #policy: PublishPolicy;

  constructor(options: NetworksOptions) {
    this.#options = options;
    this.#policy = options.policy ?? "docker";
  }

  get policy(): PublishPolicy {
    return this.#policy;
  }

  async ensure(plan: NetworkPlan): Promise<void> {
    using _ = await this.#lock.acquire("");
    this.#ensure(plan);
    this.#plans.set(plan.id, plan);
  }

  #ensure(plan: NetworkPlan): void {
    if (plan.driver === "macvlan") return ensureMacvlanParent(this.#open(), plan);
    if (plan.name !== defaultNetwork) {
      throw new Failure(
        "unsupported",
        `cannot make a network: ${lack}; only the default network, macvlan, --network host and none work without it`,
      );
    }
    // As an internal one: nothing leaves it, so the host need not forward.
    ensureBridge(this.#open(), { ...plan, internal: true });
  }

  async remove(plan: NetworkPlan): Promise<void> {
    using _ = await this.#lock.acquire("");
    if (plan.driver === "macvlan") removeMacvlanParent(this.#open(), plan, [...this.#plans.values()]);
    else removeBridge(this.#open(), plan);
    this.#plans.delete(plan.id);
  }

  async attach(endpoint: EndpointPlan, { netnsFd }: { readonly netnsFd: Fd }): Promise<AttachedEndpoint> {
    using _ = await this.#lock.acquire("");
    if (endpoint.ports.length > 0) this.checkPublishing();
    const plan = this.#plans.get(endpoint.networkId);
    if (plan === undefined)
      throw new Failure(
        "not-found",
        `cannot attach to network ${endpoint.networkId.slice(0, 12)}: it has not been set up`,
      );
    const attaching = { plan, endpoint, netnsFd };
    if (plan.driver === "macvlan") attachMacvlan(this.#open(), attaching);
    const hostInterface =
      plan.driver === "macvlan" ? undefined : await attachToBridge(this.#open(), attaching);
    this.#endpoints.set(endpoint.id, endpoint);
    return hostInterface === undefined ? {} : { hostInterface };
  }

  async detach(id: EndpointId): Promise<void> {
    using _ = await this.#lock.acquire("");
    await this.#detach(id);
  }

  async #detach(id: EndpointId): Promise<void> {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) return;
    this.#endpoints.delete(id);
    const plan = this.#plans.get(endpoint.networkId);
    if (plan?.driver !== "bridge") return;
    const host = this.#open();
    await detachFromBridge(host, { plan, endpoint });
    this.#leaving.add(id, { name: vethNameOf(host.names, id), route: host.route });
  }

  async linkGone(id: EndpointId): Promise<void> {
    await this.#leaving.gone(id);
  }

  async expelLink(id: EndpointId): Promise<void> {
    await this.#leaving.expel(id);
  }

  async disconnect(endpoint: EndpointPlan, { netnsFd }: { readonly netnsFd: Fd }): Promise<void> {
    using _ = await this.#lock.acquire("");
    await this.#detach(endpoint.id);
    removeContainerSide(endpoint.interfaceName, { netnsFd });
  }

  checkPublishing(): void {
    throw new Failure("unsupported", `cannot publish ports: ${lack}`);
  }

  async setPorts(id: EndpointId, ports: readonly PublishedPorts[]): Promise<void> {
    if (ports.length > 0) this.checkPublishing();
    if (!this.#endpoints.has(id))
      throw new Failure("not-found", `cannot publish ports: endpoint ${id.slice(0, 12)} is not attached`);
  }

  async setDefaultGateways(
    endpoint: EndpointPlan,
    options: { readonly netnsFd: Fd; readonly gateways: readonly IpAddress[] },
  ): Promise<void> {
    using _ = await this.#lock.acquire("");
    replaceDefaultGateways(endpoint, options);
  }

  bringUpLoopback({ netnsFd }: { readonly netnsFd: Fd }): void {
    bringUpLoopback(netnsFd);
  }

  async reconcile({ networks, endpoints }: NetworkRecords): Promise<readonly NetworkId[]> {
    using _ = await this.#lock.acquire("");
    this.#plans.clear();
    this.#endpoints.clear();
    for (const plan of networks) this.#plans.set(plan.id, plan);
    for (const endpoint of endpoints) this.#endpoints.set(endpoint.id, endpoint);
    removeStrayLinks(this.#open(), { plans: this.#plans, endpoints: this.#endpoints });
    const failed: NetworkId[] = [];
    for (const plan of networks) {
      try {
        this.#ensure(plan);
      } catch (thrown) {
        failed.push(plan.id);
        this.#options.onNote?.(sentenceOf(thrown));
      }
    }
    return failed;
  }

  async removeAll(): Promise<void> {
    using _ = await this.#lock.acquire("");
    if (this.#host === undefined) return;
    this.#plans.clear();
    this.#endpoints.clear();
    removeStrayLinks(this.#host, { plans: this.#plans, endpoints: this.#endpoints });
  }

  async findings(): Promise<readonly NetworkFinding[]> {
    if (this.#plans.size === 0) return [];
    return [{ subject: "networks", problem: lack, advice: "boot a kernel that has it" }];
  }

  async obstaclesOf(plan: NetworkPlan): Promise<readonly NetworkFinding[]> {
    if (plan.driver !== "bridge" || plan.name !== defaultNetwork) return [];
    return [
      {
        subject: "this kernel",
        problem: "has no nf_tables (CONFIG_NF_TABLES_INET)",
        advice: "the container reaches this host and its own network alone, and no port can be published",
      },
    ];
  }

  async reachOf(): Promise<readonly PortReach[]> {
    return [];
  }

  /** Nothing can be published, so nothing can be in the way. */
  findPortHolder(): undefined {}

  async setPolicy(policy: PublishPolicy): Promise<void> {
    this.#policy = policy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _ = await this.#lock.acquire("");
    this.#leaving[Symbol.dispose]();
    this.#host?.[Symbol.dispose]();
    this.#host = undefined;
  }

  async #removeLink(name: string): Promise<void> {
    using _ = await this.#lock.acquire("");
    if (this.#host !== undefined) await this.#host.route.sendAside([removeLink(name)]);
  }

  #open(): HostSide & Disposable {
    if (this.#host === undefined) {
      const route = openNetlink("route");
      this.#host = {
        names: ownNamesOf(this.#options.dataRoot),
        note: this.#options.onNote ?? (() => undefined),
        bridges: new Map(),
        route,
        [Symbol.dispose]: () => route[Symbol.dispose](),
      };
    }
    return this.#host;
  }
}
