import { required } from "../../base/required.ts";
import type { EngineSettings } from "../../model/engine-settings.ts";
import { randomBytes } from "node:crypto";
import { fault } from "../../base/fault.ts";
import { Failure, within } from "../../base/failure.ts";
import { choosePools, defaultPools } from "../../network/default-pools.ts";
import type { AddressPool } from "../../spec/address-pool.ts";
import { isSubnetTaken } from "../../network/subnet-taken.ts";
import type { EndpointPlan, NetworkPlan } from "../../network/types.ts";
import { plainGsoSize } from "../../spec/gso-max-size.ts";
import { eventTimeNs } from "../describe-event.ts";
import type { EngineEvent } from "../../model/engine.ts";
import type { NetworkSpec } from "../../model/networks.ts";
import type { NetworkPart } from "../dependencies.ts";
import type { NetworkRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import { defaultNetwork, fixedNetworks, isPredefined } from "./fixed-networks.ts";
import { Leases } from "./leases.ts";
import { moveNetwork } from "./move-network.ts";
import {
  adaptDefaultNetwork,
  type DefaultBridgeOptions,
  type NetworkFacts,
  resolveDefaultNetwork,
  resolveNetwork,
} from "./resolve-network.ts";
import { networkNotFound, quoted } from "./refuse-network.ts";
import { type EndpointId, type NetworkId, type NetworkReference, parseNetworkId } from "../../model/ids.ts";

/** Another engine may take what was just found free. */
const MOST_MOVES = 20;

/** Records of networks, their kernel objects, and the leases of their addresses. */
export class NetworkCatalog {
  readonly leases: Leases = new Leases();
  readonly #state: State;
  readonly #part: NetworkPart;
  readonly #dataRoot: string;
  /** The default bridge's options, as passed to this engine. */
  readonly #defaultBridge: DefaultBridgeOptions;
  readonly #userlandProxy: boolean;
  #canRelay: boolean | undefined;
  /** Of the settings; of a family without one, the default pools are used. */
  readonly #addressPools: readonly AddressPool[];
  /** Whose host side is being made: their names and subnets are taken. */
  readonly #making = new Map<string, NetworkRecord>();
  readonly #preparing = new Map<string, Promise<NetworkRecord>>();
  /** Links of ended containers that are not gone yet. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #ensured = new Map<string, Promise<void>>();

  constructor(
    state: State,
    options: {
      readonly part: NetworkPart;
      readonly dataRoot: string;
      readonly settings?: EngineSettings | undefined;
    },
  ) {
    const { part, dataRoot, settings = {} } = options;
    const { bridgeGsoMaxSize: gsoMaxSize = plainGsoSize, bridgeBypass: bypass = false } = settings;
    this.#addressPools = settings.addressPools ?? [];
    this.#defaultBridge = { gsoMaxSize, bypass };
    this.#userlandProxy = settings.userlandProxy ?? true;
    this.#state = state;
    this.#part = part;
    this.#dataRoot = dataRoot;
    for (const { id, endpoints = [] } of state.containers()) {
      for (const { plan } of endpoints) if (plan !== undefined) this.leases.add(id, plan);
    }
    for (const [, intent] of state.intents()) {
      if (intent.kind === "start") {
        for (const plan of intent.endpoints ?? []) this.leases.add(intent.containerId, plan);
      } else if (intent.kind === "connect" || intent.kind === "disconnect") {
        this.leases.add(intent.containerId, intent.endpoint);
      }
    }
  }

  /** Whether ports of new runs are relayed from the host's IPv6 to IPv4: by the settings, and by the host. */
  get relaysIpv6(): boolean {
    return this.#userlandProxy && (this.#canRelay ??= this.#part.canRelay());
  }

  /** All, those that are always there first. */
  list(): readonly NetworkRecord[] {
    const own = [...this.#state.networks().values()];
    const bridge = this.default();
    return [bridge, ...fixedNetworks, ...own.filter(({ id }) => id !== bridge.id)];
  }

  /** The default bridge, recorded when it is first looked at; nothing is made of it on the host. */
  default(): NetworkRecord {
    const found = this.#findNamed(defaultNetwork);
    const record = adaptDefaultNetwork(
      found ?? resolveDefaultNetwork({ id: randomId(), nowMs: Date.now(), facts: this.#facts() }),
      this.#defaultBridge,
    );
    if (record !== found) this.#state.putNetwork(record);
    return record;
  }

  /** By whole id, then name, then the beginning of an id. Throws "not-found", or "invalid" for an ambiguous prefix. */
  get(reference: NetworkReference): NetworkRecord {
    if (reference === defaultNetwork || reference === "default") return this.default();
    const fixed = fixedNetworks.find(({ name, id }) => name === reference || id === reference);
    const exact = fixed ?? this.#state.networks().get(reference) ?? this.#findNamed(reference);
    if (exact !== undefined) return exact;
    const found = /^[0-9a-f]{1,64}$/.test(reference)
      ? [...this.#state.networks().values(), ...fixedNetworks].filter(({ id }) => id.startsWith(reference))
      : [];
    if (found.length > 1) {
      throw new Failure(
        "invalid",
        `network ${reference} is ambiguous (${found.length} matches found based on ID prefix)`,
      );
    }
    const [only] = found;
    if (only === undefined) throw networkNotFound(reference);
    return only;
  }

  /** The one with this id, as long as it is there. */
  find(id: string): NetworkRecord | undefined {
    return this.#state.networks().get(id) ?? fixedNetworks.find((network) => network.id === id);
  }

  /** See Networks.create(). */
  async create(
    spec: NetworkSpec,
  ): Promise<{ readonly record: NetworkRecord; readonly warnings: readonly string[] }> {
    this.default(); // its subnet is not to be had
    const { record, warnings } = resolveNetwork(spec, {
      id: randomId(),
      nowMs: Date.now(),
      facts: this.#facts(),
    });
    const { plan } = record;
    const event = networkEvent(record, "create");
    if (plan === undefined) {
      this.#state.putNetwork(record, { events: [event] });
      return { record, warnings };
    }
    this.#making.set(record.id, record);
    try {
      const intent = this.#state.beginIntent({ kind: "create-network", network: plan });
      fault("network.intended");
      let made = record;
      try {
        made = await this.#ensureSomewhere(record);
        fault("network.made");
      } catch (thrown) {
        this.#ensured.delete(plan.id);
        this.#state.endIntent(intent); // it has rolled itself back
        throw within(`cannot create network ${quoted(record.name)}`, thrown);
      }
      this.#state.putNetwork(made, { ends: intent, events: [event] });
      fault("network.recorded");
      return { record: made, warnings };
    } finally {
      this.#making.delete(record.id);
    }
  }

  /** See Networks.remove(). `holders` names the containers that are in it. */
  async remove(record: NetworkRecord, { holders }: { readonly holders: readonly string[] }): Promise<void> {
    if (isPredefined(record.name)) {
      throw new Failure(
        "not-permitted",
        `cannot remove network ${quoted(record.name)}: ${record.name} is a pre-defined network and cannot be removed`,
        { details: { network: record.name, predefined: true } },
      );
    }
    const users = [...this.#state.networks().values()].filter(({ configFrom }) => configFrom === record.name);
    if (record.configOnly && users.length > 0) {
      throw new Failure(
        "conflict",
        `cannot remove network ${quoted(record.name)}: configuration network ${quoted(record.name)} is in use`,
      );
    }
    const leases = this.leases.inNetwork(record.id);
    if (leases.length > 0) {
      throw new Failure(
        "conflict",
        `cannot remove network ${quoted(record.name)}: it has active endpoints: ${holders.join(", ") || "one that is just leaving"}`,
        { details: { network: record.name, id: record.id, endpoints: holders } },
      );
    }
    const intent = this.#state.removeNetwork(record, [networkEvent(record, "destroy")]);
    fault("network.forgotten");
    this.#ensured.delete(record.id);
    if (record.plan === undefined || intent === undefined) return;
    await this.#part.remove(record.plan);
    fault("network.removed");
    this.#state.endIntent(intent);
  }

  /** Resolves when the host's side of a network exists. */
  async ensure(plan: NetworkPlan): Promise<void> {
    const known = this.#ensured.get(plan.id);
    if (known !== undefined) return await known;
    const making = this.#part.ensure(plan);
    this.#ensured.set(plan.id, making);
    try {
      await making;
    } catch (thrown) {
      if (this.#ensured.get(plan.id) === making) this.#ensured.delete(plan.id);
      throw thrown;
    }
  }

  /**
   * Resolves when the host side of a network exists. It must precede the allocation of addresses: a network without
   * containers may have moved to another subnet. Does nothing for an unknown network.
   */
  async prepare(id: string): Promise<void> {
    const known = this.#preparing.get(id);
    if (known !== undefined) return void (await known);
    const record = this.find(id);
    if (record?.plan === undefined) return;
    const preparing = this.#ensureSomewhere(record);
    this.#preparing.set(id, preparing);
    try {
      await preparing;
    } finally {
      this.#preparing.delete(id);
    }
  }

  /** As ensure(). Returns the record as it is then. */
  async #ensureSomewhere(record: NetworkRecord): Promise<NetworkRecord> {
    if (record.plan === undefined) return record;
    for (let now: NetworkRecord = record, moves = 0; ; moves++) {
      try {
        await this.ensure(required(now.plan));
        return now;
      } catch (thrown) {
        const isMovable = isSubnetTaken(thrown) && moves < MOST_MOVES && !this.#isBound(now);
        const moved = isMovable ? moveNetwork(now, this.#facts()) : undefined;
        if (moved === undefined) throw thrown;
        now = moved;
        // First of all, so that a bridge is never of another subnet than its record.
        if (this.#state.networks().has(now.id)) this.#state.putNetwork(now);
      }
    }
  }

  /** Containers that run in it have addresses of its subnet, others may have been promised one. */
  #isBound({ id }: NetworkRecord): boolean {
    return (
      this.leases.inNetwork(id).length > 0 ||
      this.#state
        .containers()
        .some(({ endpoints = [] }) =>
          endpoints.some(
            ({ networkId, settings: { ipv4, ipv6 } }) => networkId === id && (ipv4 ?? ipv6) !== undefined,
          ),
        )
    );
  }

  /** Gives a detached endpoint's ports back now, and its addresses when its link is gone. */
  rest(endpointId: EndpointId): void {
    this.leases.rest(endpointId);
    const gone = this.#part.linkGone(endpointId).then(() => {
      this.leases.remove(endpointId);
      this.#leaving.delete(gone);
    });
    this.#leaving.add(gone);
  }

  /** Removes the links of detached endpoints now; their addresses are free when this resolves. */
  async expel(endpointIds: readonly EndpointId[]): Promise<void> {
    for (const id of endpointIds) {
      await this.#part.expelLink(id);
      this.leases.remove(id);
    }
  }

  /** Resolves when no link of an ended container is left. */
  async settle(): Promise<void> {
    while (this.#leaving.size > 0) await Promise.all(this.#leaving);
  }

  /**
   * Finishes interrupted changes of networks and restores the kernel's state from the records. `endpoints` are those of
   * running containers.
   */
  async reconcile(endpoints: readonly EndpointPlan[]): Promise<void> {
    const begun = this.#state
      .intents()
      .flatMap(([id, intent]) =>
        intent.kind === "create-network" || intent.kind === "remove-network"
          ? [{ id, plan: intent.network }]
          : [],
      );
    for (const { plan } of begun) await this.#part.remove(plan);
    if (this.#findNamed(defaultNetwork) !== undefined) this.default(); // with the options of this engine
    const networks = [...this.#state.networks().values()].flatMap(({ plan }) => plan ?? []);
    // The default bridge is made when the first container wants it.
    const used = networks.filter(
      ({ id, name }) => name !== defaultNetwork || endpoints.some(({ networkId }) => networkId === id),
    );
    const failed = new Set(await this.#part.reconcile({ networks: used, endpoints }));
    for (const { id } of used) if (!failed.has(id)) this.#ensured.set(id, Promise.resolve());
    for (const { id } of begun) this.#state.endIntent(id);
  }

  get part(): NetworkPart {
    return this.#part;
  }

  recordEvent(event: EngineEvent): void {
    this.#state.events.record(event);
  }

  #findNamed(name: string): NetworkRecord | undefined {
    for (const record of this.#state.networks().values()) if (record.name === name) return record;
    return undefined;
  }

  #facts(): NetworkFacts {
    const records = [...this.#state.networks().values(), ...this.#making.values()];
    // Routes to our own bridges are in the records.
    const own = new Set(records.map(({ plan }) => plan?.interfaceName));
    const { routes, interfaces, largeTcp, bypass } = this.#part.readHost();
    return {
      pools: choosePools(this.#addressPools, defaultPools(this.#dataRoot)),
      routes: routes.filter(({ interfaceName }) => !own.has(interfaceName)).map(({ prefix }) => prefix),
      interfaces,
      largeTcp,
      bypass,
      others: records,
    };
  }
}

function randomId(): NetworkId {
  return parseNetworkId(randomBytes(32).toString("hex"));
}

/** With Docker's attributes. */
export function networkEvent(
  { id, name, driver }: Pick<NetworkRecord, "name" | "driver"> & { readonly id: string },
  action: "create" | "destroy" | "connect" | "disconnect",
  more: Readonly<Record<string, string>> = {},
): EngineEvent {
  const attributes = { ...more, name, type: driver };
  return { type: "network", action, actor: { id, attributes }, timeNs: eventTimeNs() };
}
