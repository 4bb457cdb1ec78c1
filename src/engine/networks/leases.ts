import { AddressSet, type TakenAddresses } from "../../network/address-set.ts";
import type { EndpointPlan, PublishedPorts } from "../../network/types.ts";
import type { ContainerId, EndpointId } from "../../model/ids.ts";

export interface Lease {
  readonly containerId: ContainerId;
  readonly plan: EndpointPlan;
}

/**
 * The leases of addresses and ports: those in running containers' records, those in start intents, and those whose
 * kernel objects still have to be removed. The addresses of an endpoint are quarantined until its link is gone: no
 * container can lease them. All changes are synchronous, so two starts never receive the same lease.
 */
export class Leases {
  readonly #byId = new Map<string, Lease>();
  readonly #networks = new Map<string, { readonly leases: Set<string>; readonly addresses: AddressSet }>();
  /** Endpoints whose addresses rest. */
  readonly #resting = new Map<string, Lease>();
  /** Those with ports: most have none. */
  readonly #publishing = new Map<string, Lease>();

  add(containerId: ContainerId, plan: EndpointPlan): void {
    this.remove(plan.id);
    const lease = { containerId, plan };
    this.#byId.set(plan.id, lease);
    if (plan.ports.length > 0) this.#publishing.set(plan.id, lease);
    const network = this.#networks.get(plan.networkId) ?? { leases: new Set(), addresses: new AddressSet() };
    this.#networks.set(plan.networkId, network);
    network.leases.add(plan.id);
    for (const { address } of plan.addresses) network.addresses.add(address);
  }

  /** Ports are free, addresses rest until remove(). Fine when absent. */
  rest(endpointId: string): void {
    const lease = this.#byId.get(endpointId);
    if (lease === undefined) return;
    this.#byId.delete(endpointId);
    this.#publishing.delete(endpointId);
    this.#networks.get(lease.plan.networkId)?.leases.delete(endpointId);
    this.#resting.set(endpointId, lease);
  }

  /** Fine when absent. */
  remove(endpointId: string): void {
    this.rest(endpointId);
    const plan = this.#resting.get(endpointId)?.plan;
    if (plan === undefined) return;
    this.#resting.delete(endpointId);
    const network = this.#networks.get(plan.networkId);
    for (const { address } of plan.addresses) network?.addresses.remove(address);
    if (network?.leases.size === 0 && network.addresses.size === 0) this.#networks.delete(plan.networkId);
  }

  /** Endpoints of a network whose addresses rest. */
  restingIn(networkId: string): readonly EndpointId[] {
    return [...this.#resting.values()].flatMap(({ plan }) => (plan.networkId === networkId ? [plan.id] : []));
  }

  /** Endpoints of a container whose addresses rest. */
  restingOf(id: ContainerId): readonly EndpointId[] {
    return [...this.#resting.values()].flatMap(({ containerId, plan }) =>
      containerId === id ? [plan.id] : [],
    );
  }

  /** Ends in a network. */
  inNetwork(networkId: string): readonly Lease[] {
    return [...(this.#networks.get(networkId)?.leases ?? [])].flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** The leased addresses of a network; valid until the next change. */
  addressesIn(networkId: string): TakenAddresses {
    return this.#networks.get(networkId)?.addresses ?? new AddressSet();
  }

  /** The ports that other containers publish, each with its owner. */
  ports(
    except?: ContainerId,
  ): readonly { readonly ports: PublishedPorts; readonly containerId: ContainerId }[] {
    return [...this.#publishing.values()]
      .filter(({ containerId }) => containerId !== except)
      .flatMap(({ containerId, plan }) => plan.ports.map((ports) => ({ ports, containerId })));
  }

  all(): readonly Lease[] {
    return [...this.#byId.values()];
  }
}
