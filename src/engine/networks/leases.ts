import type { EndpointPlan, PublishedPorts } from "../../network/types.ts";
import { formatIpAddress } from "../../spec/ip-address.ts";
import type { ContainerId } from "../types.ts";

export interface Lease {
  readonly containerId: ContainerId;
  readonly plan: EndpointPlan;
}

/**
 * Who has which addresses and ports: all that running containers' records and begun starts have, and what is still being
 * taken out of the kernel. Everything is done between two waits, so two starts never get the same.
 */
export class Leases {
  readonly #byId = new Map<string, Lease>();
  readonly #networks = new Map<string, Map<string, Set<string>>>();

  add(containerId: ContainerId, plan: EndpointPlan): void {
    this.remove(plan.id);
    this.#byId.set(plan.id, { containerId, plan });
    const endpoints = this.#networks.get(plan.networkId) ?? new Map<string, Set<string>>();
    this.#networks.set(plan.networkId, endpoints);
    endpoints.set(plan.id, new Set(plan.addresses.map(({ address }) => formatIpAddress(address))));
  }

  /** Fine when absent. */
  remove(endpointId: string): void {
    const lease = this.#byId.get(endpointId);
    if (lease === undefined) return;
    this.#byId.delete(endpointId);
    const endpoints = this.#networks.get(lease.plan.networkId);
    endpoints?.delete(endpointId);
    if (endpoints?.size === 0) this.#networks.delete(lease.plan.networkId);
  }

  /** Ends in a network. */
  inNetwork(networkId: string): readonly Lease[] {
    return [...(this.#networks.get(networkId)?.keys() ?? [])].flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** Addresses of a network that somebody has, as text. */
  addressesIn(networkId: string): ReadonlySet<string> {
    const all = new Set<string>();
    for (const addresses of this.#networks.get(networkId)?.values() ?? []) {
      for (const address of addresses) all.add(address);
    }
    return all;
  }

  /** Ports that somebody else publishes, with who does. */
  ports(
    except?: ContainerId,
  ): readonly { readonly ports: PublishedPorts; readonly containerId: ContainerId }[] {
    return [...this.#byId.values()]
      .filter(({ containerId }) => containerId !== except)
      .flatMap(({ containerId, plan }) => plan.ports.map((ports) => ({ ports, containerId })));
  }

  all(): readonly Lease[] {
    return [...this.#byId.values()];
  }
}
