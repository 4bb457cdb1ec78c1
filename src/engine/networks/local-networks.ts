import { kindOf } from "../../base/failure.ts";
import { type ContainerContext, isRunning } from "../context.ts";
import type { ContainerReference, NetworkReference } from "../../model/ids.ts";
import type {
  EndpointSettings,
  NetworkDetails,
  NetworkSpec,
  Networks,
  PublishedReach,
} from "../../model/networks.ts";
import { eventTimeNs } from "../describe-event.ts";
import { pruneFilter } from "../prune-filters.ts";
import type { NetworkRecord } from "../state/records.ts";
import { connectContainer, disconnectContainer } from "./connect.ts";
import { describeNetwork } from "./describe-network.ts";
import { describePortReach } from "./describe-port-reach.ts";
import { isPredefined } from "./fixed-networks.ts";
import { checkNetworkFilters, matchesNetworkFilters, type NetworkFilter } from "./network-filters.ts";

/** The networks of one data root. */
export class LocalNetworks implements Networks {
  readonly #context: ContainerContext;

  constructor(context: ContainerContext) {
    this.#context = context;
  }

  async create(spec: NetworkSpec): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    const { record, warnings } = await this.#context.networks.create(spec);
    this.#context.dependencies.names?.addNetwork(record.id, record.name);
    return { id: record.id, warnings };
  }

  async list({
    filters = {},
  }: {
    readonly filters?: NetworkFilter | undefined;
  } = {}): Promise<readonly NetworkDetails[]> {
    checkNetworkFilters(filters);
    return this.#context.networks
      .list()
      .filter((record) => matchesNetworkFilters(record, filters, this.#isUsed(record)))
      .map((record) => this.#describe(record));
  }

  async inspect(reference: NetworkReference): Promise<NetworkDetails> {
    return this.#describe(this.#context.networks.get(reference));
  }

  async remove(reference: NetworkReference): Promise<void> {
    await this.#remove(this.#context.networks.get(reference));
  }

  async prune({
    filters = {},
  }: {
    readonly filters?: NetworkFilter | undefined;
  } = {}): Promise<readonly string[]> {
    const isWanted = pruneFilter(filters);
    const removed: string[] = [];
    for (const record of this.#context.networks.list()) {
      if (isPredefined(record.name) || record.configOnly || this.#isUsed(record) || !isWanted(record))
        continue;
      try {
        await this.#remove(record);
        removed.push(record.name);
      } catch (thrown) {
        // A container has joined the network, or another call removes it.
        if (!["conflict", "not-found"].includes(kindOf(thrown))) throw thrown;
      }
    }
    this.#context.state.events.record({
      type: "network",
      action: "prune",
      actor: { id: "", attributes: { reclaimed: "0" } },
      timeNs: eventTimeNs(),
    });
    return removed;
  }

  async connect(
    network: NetworkReference,
    container: ContainerReference,
    settings: EndpointSettings = {},
  ): Promise<void> {
    await connectContainer(this.#context, { network, container }, settings);
  }

  async disconnect(
    network: NetworkReference,
    container: ContainerReference,
    options: { readonly force?: boolean | undefined } = {},
  ): Promise<void> {
    await disconnectContainer(this.#context, { network, container }, options);
  }

  async reach(): Promise<readonly PublishedReach[]> {
    const { networks, dependencies } = this.#context;
    const all = await Promise.all(
      networks.leases
        .all()
        .filter(({ plan }) => plan.ports.length > 0)
        .map(async ({ containerId, plan: { networkId, ports } }) => {
          const found = await dependencies.networks.reachOf(ports, { networkId });
          const network = networks.find(networkId)?.name ?? networkId;
          return found.map((reach) => describePortReach({ containerId, network, reach }));
        }),
    );
    return all.flat();
  }

  async #remove(record: NetworkRecord): Promise<void> {
    const { background, state, networks, dependencies } = this.#context;
    // Containers that have ended are still being taken out of it.
    const ended = networks.leases.inNetwork(record.id).filter(({ containerId }) => {
      const container = state.findContainer(containerId);
      return container === undefined || !isRunning(container);
    });
    await Promise.all(ended.map(({ containerId }) => background.settled(containerId)));
    const holders = networks.leases
      .inNetwork(record.id)
      .flatMap(({ containerId }) => state.findContainer(containerId)?.name ?? []);
    await networks.remove(record, { holders });
    dependencies.names?.removeNetwork(record.id);
  }

  #describe(record: NetworkRecord): NetworkDetails {
    return describeNetwork(this.#context, record);
  }

  /** Containers that don't run count, too. */
  #isUsed({ id, name }: NetworkRecord): boolean {
    return this.#context.state.containers().some(({ endpoints = [], spec }) => {
      const mode = spec.isolation?.namespaces?.network;
      return endpoints.some(({ networkId }) => networkId === id) || (mode !== undefined && mode === name);
    });
  }
}
