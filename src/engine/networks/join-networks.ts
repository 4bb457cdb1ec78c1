import { randomBytes } from "node:crypto";
import { fault } from "../../base/fault.ts";
import { Failure, kindOf, within } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import type { EndpointPlan, NetworkPlan } from "../../network/types.ts";
import type { ContainerContext } from "../context.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { EngineEvent } from "../../model/engine.ts";
import { type ContainerId, parseEndpointId } from "../../model/ids.ts";
import type { EndpointSettings, EndpointSpec } from "../../model/networks.ts";
import type { ContainerRecord, EndpointRecord, NetworkRecord } from "../state/records.ts";
import { choosePorts, type PortFacts } from "./choose-ports.ts";
import { portsToPublish } from "./exposed-ports.ts";
import { defaultNetwork } from "./fixed-networks.ts";
import { announceEndpoint, withdrawEndpoint } from "./names.ts";
import { networkEvent } from "./network-catalog.ts";
import { readNetworkOptions } from "./network-options.ts";
import { checkEndpoint, resolveEndpoint, routeEndpoints } from "./resolve-endpoints.ts";
import { quoted } from "./refuse-network.ts";

/**
 * The networks of a container that is about to be made, found and checked; those that do not exist yet are found when
 * it starts. Throws "invalid".
 */
export function resolveEndpoints(context: ContainerContext, spec: ContainerSpec): readonly EndpointRecord[] {
  const asked = spec.network?.networks ?? [];
  if (spec.isolation?.namespaces?.network !== undefined) {
    if (asked.length === 0) return [];
    throw new Failure("invalid", "conflicting options: networks and the network mode");
  }
  const wanted: readonly EndpointSpec[] = asked.length === 0 ? [{ network: defaultNetwork }] : asked;
  const found: EndpointRecord[] = [];
  for (const { network: reference, ...settings } of wanted) {
    const network = findJoinable(context, reference);
    if (network === undefined) {
      found.push({ networkId: "", networkName: reference, settings });
      continue;
    }
    if (found.some(({ networkId }) => networkId === network.id)) {
      throw new Failure("invalid", `network ${quoted(network.name)} is specified multiple times`);
    }
    checkSettings(network, settings);
    found.push({ networkId: network.id, networkName: network.name, settings });
  }
  return found;
}

/** As getJoinable(); undefined where there is none. */
export function findJoinable(
  context: ContainerContext,
  reference: string,
): ReturnType<typeof getJoinable> | undefined {
  try {
    return getJoinable(context, reference);
  } catch (thrown) {
    if (kindOf(thrown) !== "not-found") throw thrown;
    return undefined;
  }
}

/** Throws "not-found", or "invalid" for a network that cannot be combined with others. */
export function getJoinable(
  context: ContainerContext,
  reference: string,
): NetworkRecord & { readonly plan: NetworkPlan } {
  const network = context.networks.get(reference);
  if (network.configOnly) {
    throw new Failure(
      "invalid",
      `configuration-only network ${quoted(network.name)} cannot be used by containers`,
    );
  }
  const { plan } = network;
  if (plan === undefined) {
    throw new Failure(
      "invalid",
      `cannot connect a container to network ${quoted(network.name)}: it has that one alone, or not at all`,
      { details: { network: network.name } },
    );
  }
  return { ...network, plan };
}

export function checkSettings(
  network: NetworkRecord & { readonly plan: NetworkPlan },
  settings: EndpointSettings,
): void {
  const { name, plan } = network;
  checkEndpoint({ name, plan, isDefault: name === defaultNetwork }, settings);
}

/**
 * Reserves addresses, interfaces, routes and ports for a container that is about to start: no other container receives
 * them. Throws "not-found" for a missing network, "conflict" for an address or port that is in use.
 */
export function reserveEndpoints(
  context: ContainerContext,
  record: ContainerRecord,
): readonly EndpointPlan[] {
  const { endpoints = [], id, spec, imageConfig } = record;
  const ends: { network: NetworkPlan; settings: EndpointSettings; plan: EndpointPlan }[] = [];
  for (const endpoint of endpoints) {
    const network = getRecorded(context, record, endpoint);
    const { settings } = endpoint;
    const plan = endpointFor(context, { containerId: id, network, settings, usedNames: ends.map(nameOf) });
    ends.push({ network: network.plan, settings, plan });
  }
  if (ends.length === 0) return [];
  const wanted = portsToPublish(spec, imageConfig.defaults.exposedPorts);
  if (wanted.length > 0) context.networks.part.checkPublishing();
  const ports = wanted.length === 0 ? [] : choosePorts(wanted, portFacts(context, id));
  const { relaysIpv6 } = context.networks;
  const plans = routeEndpoints(ends, { ports, relaysIpv6 });
  for (const plan of plans) context.networks.leases.add(id, plan);
  return plans;
}

export function portFacts(context: ContainerContext, except: ContainerId): PortFacts {
  return {
    others: context.networks.leases.ports(except).map(({ ports, containerId }) => ({
      ports,
      name: context.state.findContainer(containerId)?.name ?? containerId.slice(0, 12),
    })),
    findHolder: (ports) => context.networks.part.findPortHolder(ports),
  };
}

/** A plan of its own for one more network, without routes and ports. */
export function endpointFor(
  context: ContainerContext,
  {
    containerId,
    network,
    settings,
    usedNames,
  }: {
    readonly containerId: ContainerId;
    readonly network: NetworkRecord & { readonly plan: NetworkPlan };
    readonly settings: EndpointSettings;
    readonly usedNames: readonly string[];
  },
): EndpointPlan {
  const { interfacePrefix } = readNetworkOptions(network);
  const taken = context.networks.leases.addressesIn(network.id);
  const endpointId = parseEndpointId(randomBytes(32).toString("hex"));
  return resolveEndpoint(
    { endpointId, containerId, network: network.plan, settings, interfacePrefix, taken },
    { usedNames },
  );
}

function nameOf({ plan }: { readonly plan: EndpointPlan }): string {
  return plan.interfaceName;
}

function getRecorded(
  context: ContainerContext,
  record: ContainerRecord,
  { networkId, networkName }: EndpointRecord,
): NetworkRecord & { readonly plan: NetworkPlan } {
  const network = context.networks.find(networkId);
  if (network?.plan !== undefined) return { ...network, plan: network.plan };
  throw new Failure(
    "not-found",
    `cannot start container "${record.name}": network ${networkName} (${networkId.slice(0, 12)}) not found: disconnect it from that one`,
    { details: { network: networkName, container: record.id } },
  );
}

/** Puts the interfaces into the namespace of a process that waits for them. */
export async function attachEndpoints(
  context: ContainerContext,
  record: ContainerRecord,
  { netns, plans }: { readonly netns: Fd; readonly plans: readonly EndpointPlan[] },
): Promise<void> {
  const begunAt = performance.now();
  for (const plan of plans) {
    const network = context.networks.find(plan.networkId)?.plan;
    if (network === undefined) throw new Failure("not-found", `network ${plan.networkId} not found`);
    await context.networks.ensure(network);
    await context.networks.part.attach(plan, { netnsFd: netns });
  }
  fault("start.attached");
  if (plans.length > 0) context.meter?.networkAction("allocate", performance.now() - begunAt);
  announceEndpoint(context, record, { plans, netns });
}

/**
 * Removes their kernel objects in the background. Other containers can use their ports only after that, and their
 * addresses when the interfaces are gone, which disappear with the network namespace.
 */
export function releaseEndpoints(
  context: ContainerContext,
  { id, name }: Pick<ContainerRecord, "id" | "name">,
  plans: readonly EndpointPlan[],
): void {
  if (plans.length === 0) return;
  const begunAt = performance.now();
  withdrawEndpoint(context, { id, plans });
  void context.background.run(id, async () => {
    for (const plan of plans) {
      try {
        await context.networks.part.detach(plan.id);
      } catch (thrown) {
        throw within(`cannot take container "${name}" out of its network`, thrown);
      }
      fault("end.detached");
      context.networks.rest(plan.id);
    }
    context.meter?.networkAction("release", performance.now() - begunAt);
  });
}

export function plansOf({ endpoints = [] }: Pick<ContainerRecord, "endpoints">): readonly EndpointPlan[] {
  return endpoints.flatMap(({ plan }) => plan ?? []);
}

/** The record of a container that has these ends now, in the order of its networks. */
export function withPlans(record: ContainerRecord, plans: readonly EndpointPlan[]): ContainerRecord {
  const { endpoints } = record;
  if (endpoints === undefined || plans.length === 0) return record;
  return {
    ...record,
    endpoints: endpoints.map((endpoint) => {
      const plan = plans.find(({ networkId }) => networkId === endpoint.networkId);
      return plan === undefined ? endpoint : { ...endpoint, plan };
    }),
  };
}

/** That of one that does not run. */
export function withoutPlans(record: ContainerRecord): ContainerRecord {
  const { endpoints } = record;
  if (endpoints === undefined) return record;
  return {
    ...record,
    endpoints: endpoints.map(({ networkId, networkName, settings }) => ({
      networkId,
      networkName,
      settings,
    })),
  };
}

/** Docker's events for each network when a container joins or leaves it. */
export function networkUseEvents(
  context: ContainerContext,
  { id, endpoints = [] }: Pick<ContainerRecord, "id" | "endpoints">,
  action: "connect" | "disconnect",
): readonly EngineEvent[] {
  return endpoints.map(({ networkId, networkName }) => {
    const network = context.networks.find(networkId) ?? {
      id: networkId,
      name: networkName,
      driver: "bridge",
    };
    return networkEvent(network, action, { container: id });
  });
}
