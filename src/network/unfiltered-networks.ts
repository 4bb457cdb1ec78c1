import type { PublishPolicy } from "../spec/publish-policy.ts";
import { Failure, sentenceOf } from "../base/failure.ts";
import type { Fd } from "../linux/kernel/fd.ts";
import { openNetlink } from "../linux/netlink/netlink-socket.ts";
import { attachToBridge, detachFromBridge, ensureBridge, removeBridge } from "./bridge/bridge-driver.ts";
import { removeStrayLinks } from "./bridge/own-links.ts";
import { EndpointNetworks } from "./endpoint-networks.ts";
import type { HostSide } from "./host-side.ts";
import { ownNamesOf } from "./interface-names.ts";
import { attachChildLink, ensureParent, removeParent } from "./child-links/child-link-driver.ts";
import { adoptChildLinks } from "./child-links/own-child-links.ts";
import type {
  AttachedEndpoint,
  NetworkFinding,
  NetworkRecords,
  Networks,
  NetworksOptions,
  PortReach,
} from "./networks.ts";
import type { EndpointPlan, NetworkPlan, PublishedPorts } from "./types.ts";
import type { EndpointId, NetworkId } from "../model/ids.ts";

/** The default network, by the name that the engine reserves for it. */
const defaultNetwork = "bridge";
const lack = "this kernel has no nf_tables (CONFIG_NF_TABLES_INET)";

/**
 * Networks of a kernel without nf_tables. The default network and those of macvlan and ipvlan work; nothing is published or
 * masqueraded, and the host is not made to forward. Other bridge networks are refused: nothing would keep them apart.
 */
export class UnfilteredNetworks extends EndpointNetworks implements Networks {
  readonly #options: NetworksOptions;
  #host: (HostSide & Disposable) | undefined;
  #policy: PublishPolicy;

  constructor(options: NetworksOptions) {
    super();
    this.#options = options;
    this.#policy = options.policy ?? "docker";
  }

  get policy(): PublishPolicy {
    return this.#policy;
  }

  protected get host(): HostSide | undefined {
    return this.#host;
  }

  async ensure(plan: NetworkPlan): Promise<void> {
    using _ = await this.lock.acquire("");
    this.#ensure(plan);
    this.plans.set(plan.id, plan);
  }

  #ensure(plan: NetworkPlan): void {
    if (plan.driver !== "bridge") return ensureParent(this.#open(), plan);
    if (plan.name !== defaultNetwork) {
      throw new Failure(
        "unsupported",
        `cannot make a network: ${lack}; only the default network, macvlan, ipvlan, --network host and none work without it`,
      );
    }
    // As an internal one: nothing leaves it, so the host need not forward.
    ensureBridge(this.#open(), { ...plan, internal: true });
  }

  async remove(plan: NetworkPlan): Promise<void> {
    using _ = await this.lock.acquire("");
    if (plan.driver !== "bridge") removeParent(this.#open(), plan, [...this.plans.values()]);
    else removeBridge(this.#open(), plan);
    this.plans.delete(plan.id);
  }

  async attach(endpoint: EndpointPlan, { netnsFd }: { readonly netnsFd: Fd }): Promise<AttachedEndpoint> {
    using _ = await this.lock.acquire("");
    if (endpoint.ports.length > 0) this.checkPublishing();
    const plan = this.getPlan(endpoint.networkId);
    const attaching = { plan, endpoint, netnsFd };
    if (plan.driver !== "bridge") attachChildLink(this.#open(), attaching);
    const hostInterface =
      plan.driver !== "bridge" ? undefined : await attachToBridge(this.#open(), attaching);
    this.endpoints.set(endpoint.id, endpoint);
    return hostInterface === undefined ? {} : { hostInterface };
  }

  protected async cutOff(endpoint: EndpointPlan, plan: NetworkPlan | undefined): Promise<void> {
    this.endpoints.delete(endpoint.id);
    if (plan?.driver === "bridge") await detachFromBridge(this.#open(), { plan, endpoint });
  }

  canRelay(): boolean {
    return false;
  }

  checkPublishing(): void {
    throw new Failure("unsupported", `cannot publish ports: ${lack}`);
  }

  async setPorts(id: EndpointId, ports: readonly PublishedPorts[]): Promise<void> {
    if (ports.length > 0) this.checkPublishing();
    if (!this.endpoints.has(id))
      throw new Failure("not-found", `cannot publish ports: endpoint ${id.slice(0, 12)} is not attached`);
  }

  async reconcile(records: NetworkRecords): Promise<readonly NetworkId[]> {
    using _ = await this.lock.acquire("");
    this.replaceRecords(records);
    const known = { plans: this.plans, endpoints: this.endpoints };
    removeStrayLinks(this.#open(), known);
    adoptChildLinks(this.#open(), known);
    const failed: NetworkId[] = [];
    for (const plan of records.networks) {
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
    using _ = await this.lock.acquire("");
    if (this.#host === undefined) return;
    this.plans.clear();
    this.endpoints.clear();
    removeStrayLinks(this.#host, { plans: this.plans, endpoints: this.endpoints });
  }

  async findings(): Promise<readonly NetworkFinding[]> {
    if (this.plans.size === 0) return [];
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
    using _ = await this.lock.acquire("");
    this.leaving[Symbol.dispose]();
    this.#host?.[Symbol.dispose]();
    this.#host = undefined;
  }

  #open(): HostSide & Disposable {
    if (this.#host === undefined) {
      const route = openNetlink("route");
      this.#host = {
        names: ownNamesOf(this.#options.dataRoot),
        note: this.#options.onNote ?? (() => undefined),
        bridges: new Map(),
        childLinks: new Map(),
        route,
        [Symbol.dispose]: () => route[Symbol.dispose](),
      };
    }
    return this.#host;
  }
}
