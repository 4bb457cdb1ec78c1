import type { Fd } from "../../linux/kernel/fd.ts";
import type { EndpointPlan } from "../../network/types.ts";
import { formatIpAddress } from "../../spec/ip-address.ts";
import { readResolver } from "../resolve/resolver.ts";
import type { ContainerContext } from "../context.ts";
import type { NameView } from "../dependencies.ts";
import type { ContainerRecord, EndpointRecord } from "../state/records.ts";
import type { ContainerId } from "../../model/ids.ts";
import { defaultNetwork } from "./fixed-networks.ts";
import { orderByPriority } from "./resolve-endpoints.ts";

/**
 * The names that a network's name server has for a container: its name, its aliases, its short id, the host name that
 * it was given.
 */
export function namesIn(
  { id, name, spec }: Pick<ContainerRecord, "id" | "name" | "spec">,
  { networkName, settings }: EndpointRecord,
): readonly string[] {
  if (networkName === defaultNetwork) return [];
  const { network: { hostname = "" } = {} } = spec;
  return [
    ...new Set([name, ...(settings.aliases ?? []), id.slice(0, 12), ...(hostname === "" ? [] : [hostname])]),
  ];
}

/**
 * Whether it looks names up by the engine's name server: in every network but the default one, and there too when the
 * host's own resolvers can only be reached on the host.
 */
export function hasNameServer(context: ContainerContext, { endpoints = [], spec }: ContainerRecord): boolean {
  if (context.dependencies.names === undefined || endpoints.length === 0) return false;
  if (endpoints.some(({ networkName }) => networkName !== defaultNetwork)) return true;
  const { upstreams } = readResolver(context.dependencies.host, spec.network);
  return upstreams.length > 0 && upstreams.every(({ from }) => from === "host");
}

/** The container is found by its names, and finds others, from now on. `lo` is up in its namespace. */
export function announceEndpoint(
  context: ContainerContext,
  record: ContainerRecord,
  { plans, netns }: { readonly plans: readonly EndpointPlan[]; readonly netns?: Fd | undefined },
): void {
  const { names } = context.dependencies;
  if (names === undefined || !hasNameServer(context, record)) return;
  for (const endpoint of record.endpoints ?? []) {
    const plan = plans.find(({ networkId }) => networkId === endpoint.networkId);
    const known = namesIn(record, endpoint);
    if (plan === undefined || known.length === 0) continue;
    names.addNetwork(endpoint.networkId, endpoint.networkName);
    names.addEntry(endpoint.networkId, {
      endpointId: plan.id,
      names: known,
      addresses: plan.addresses.map(({ address }) => formatIpAddress(address)),
    });
  }
  const view = viewOf(context, record);
  if (netns === undefined) names.setView(record.id, view);
  else names.serve(record.id, { netns, view });
}

/** It has ended: the sockets of its name server would hold its namespace. */
export function withdrawEndpoint(
  context: ContainerContext,
  { id, plans }: { readonly id: ContainerId; readonly plans: readonly EndpointPlan[] },
): void {
  const { names } = context.dependencies;
  if (names === undefined) return;
  names.stop(id);
  for (const plan of plans) names.removeEntry(plan.networkId, plan.id);
}

export function viewOf(context: ContainerContext, record: ContainerRecord): NameView {
  const ends = (record.endpoints ?? []).flatMap(({ networkId, networkName, settings }) => {
    const network = context.networks.find(networkId)?.plan;
    return network === undefined ? [] : [{ network, networkName, settings }];
  });
  const isClosed = ends.every(({ network }) => network.internal);
  const { spec } = record;
  const resolver = readResolver(context.dependencies.host, spec.network);
  return {
    networks: orderByPriority(ends)
      .filter(({ networkName }) => networkName !== defaultNetwork)
      .map(({ network, settings }) => ({
        id: network.id,
        links: settings.links && linksOf(settings.links),
      })),
    upstreams: isClosed ? [] : resolver.upstreams,
    ndotsSet: resolver.ndotsSet || undefined,
  };
}

/** Aliases with their containers. Names are looked up in lower case. */
function linksOf(links: readonly string[]): readonly (readonly [string, string])[] {
  return links.map((link) => {
    const [container = "", alias = container] = link.split(":");
    return [alias.toLowerCase(), container.replace(/^\//, "")];
  });
}

/** It has left one network and goes on in others. */
export function withdrawNames(context: ContainerContext, record: ContainerRecord, plan: EndpointPlan): void {
  const { names } = context.dependencies;
  if (names === undefined) return;
  names.removeEntry(plan.networkId, plan.id);
  if (hasNameServer(context, record)) names.setView(record.id, viewOf(context, record));
}
