import { readFileSync, writeFileSync } from "node:fs";
import { fault } from "../../base/fault.ts";
import { Failure, within } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { openProcessNetwork } from "../../linux/process/process-network.ts";
import type { EndpointPlan, NetworkPlan } from "../../network/types.ts";
import { formatIpAddress } from "../../spec/ip-address.ts";
import { type ContainerContext, isRunning } from "../context.ts";
import { getContainer } from "../find-container.ts";
import { inRealm } from "../realm.ts";
import { ownHosts, updateResolvConf } from "./network-files.ts";
import { planRecord } from "../plan-record.ts";
import type { ContainerReference } from "../../model/ids.ts";
import type { EndpointSettings } from "../../model/networks.ts";
import { changeHosts } from "../resolve/network-files.ts";
import type { ContainerRecord, EndpointRecord, Intent } from "../state/records.ts";
import { checkSettings, getJoinable, endpointFor } from "./join-networks.ts";
import { announceEndpoint, withdrawNames } from "./names.ts";
import { networkEvent } from "./network-catalog.ts";
import { routeEndpoints } from "./resolve-endpoints.ts";
import { freeRestingAddresses } from "./resting-addresses.ts";
import { quoted } from "./refuse-network.ts";

/** See Networks.connect(). */
export async function connectContainer(
  context: ContainerContext,
  { network: reference, container }: { readonly network: string; readonly container: ContainerReference },
  settings: EndpointSettings,
): Promise<void> {
  const { id } = getContainer(context.state, inRealm(context.state, container, "engine"));
  using _ = await context.locks.acquire(id);
  const record = getContainer(context.state, id);
  const found = getJoinable(context, reference);
  checkMode(record);
  const endpoints = record.endpoints ?? [];
  const isIn = ({ networkId, networkName }: EndpointRecord): boolean =>
    networkId === found.id || (networkId === "" && networkName === found.name);
  if (endpoints.some(isIn)) {
    if (!isRunning(record)) return; // as dockerd: its settings stay as they are
    throw new Failure(
      "not-permitted",
      `cannot connect container "${record.name}": it is already connected to network ${quoted(found.name)}`,
      { details: { network: found.name, container: record.name } },
    );
  }
  checkSettings(found, settings);
  const endpoint: EndpointRecord = { networkId: found.id, networkName: found.name, settings };
  const event = networkEvent(found, "connect", { container: id });
  if (!isRunning(record)) {
    context.state.putContainer({ ...record, endpoints: [...endpoints, endpoint] }, { events: [event] });
    return;
  }
  using netns = openLiveNetwork(context, record);
  const usedNames = endpoints.flatMap(({ plan }) => plan?.interfaceName ?? []);
  await context.networks.prepare(found.id);
  await freeRestingAddresses(context, id, [endpoint]);
  // It may have moved.
  const network = getJoinable(context, found.id);
  const planned = endpointFor(context, { containerId: id, network, settings, usedNames });
  context.networks.leases.add(id, planned);
  const routed = routesWith(context, {
    ...record,
    endpoints: [...endpoints, { ...endpoint, plan: planned }],
  });
  const plan = routed.find(({ networkId }) => networkId === network.id) ?? planned;
  const intent = context.state.beginIntent({ kind: "connect", containerId: id, endpoint: plan });
  fault("connect.intended");
  try {
    await context.networks.ensure(network.plan);
    await context.networks.part.attach(plan, { netnsFd: netns.fd });
    fault("connect.attached");
    const changed = await changeRoutes(context, { record, plans: routed, netnsFd: netns.fd });
    context.networks.leases.add(id, plan);
    const connected = { ...changed, endpoints: [...(changed.endpoints ?? []), { ...endpoint, plan }] };
    context.state.putContainer(connected, { ends: intent, events: [event] });
    fault("connect.recorded");
    changeHostsFile(context, connected, { come: [plan], gone: [] });
    updateResolvConf(context, { before: record, after: connected });
    announceEndpoint(context, connected, {
      plans: connected.endpoints.flatMap(({ plan: each }) => each ?? []),
      netns: endpoints.some(({ networkName }) => networkName !== "bridge") ? undefined : netns.fd,
    });
  } catch (thrown) {
    await context.networks.part.disconnect(plan, { netnsFd: netns.fd }).catch(() => undefined);
    context.networks.leases.remove(plan.id);
    context.state.endIntent(intent);
    throw within(`cannot connect container "${record.name}" to network ${quoted(network.name)}`, thrown);
  }
}

/** See Networks.disconnect(). */
export async function disconnectContainer(
  context: ContainerContext,
  { network: reference, container }: { readonly network: string; readonly container: ContainerReference },
  { force = false }: { readonly force?: boolean | undefined } = {},
): Promise<void> {
  const { id } = getContainer(context.state, inRealm(context.state, container, "engine"));
  using _ = await context.locks.acquire(id);
  const record = getContainer(context.state, id);
  const left = getEndpoint(context, record, { reference, force });
  const { networkId, plan } = left;
  const network = context.networks.find(networkId) ?? { id: networkId, name: reference, driver: "bridge" };
  const rest = (record.endpoints ?? []).filter((endpoint) => endpoint !== left);
  const without: ContainerRecord = { ...record, endpoints: rest };
  const event = networkEvent(network, "disconnect", { container: id });
  if (plan === undefined || !isRunning(record)) {
    context.state.putContainer(without, { events: [event] });
    return;
  }
  const intent = context.state.beginIntent({ kind: "disconnect", containerId: id, endpoint: plan });
  fault("disconnect.intended");
  try {
    using netns = openLiveNetwork(context, record);
    await context.networks.part.disconnect(plan, { netnsFd: netns.fd });
    fault("disconnect.detached");
    const changed = await changeRoutes(context, {
      record: without,
      plans: routesWith(context, without),
      netnsFd: netns.fd,
    });
    context.state.putContainer(changed, { ends: intent, events: [event] });
    fault("disconnect.recorded");
    context.networks.leases.remove(plan.id);
    changeHostsFile(context, changed, { come: [], gone: [plan] });
    updateResolvConf(context, { before: record, after: changed });
    withdrawNames(context, changed, plan);
  } catch (thrown) {
    context.state.endIntent(intent);
    throw within(`cannot disconnect container "${record.name}" from network ${quoted(network.name)}`, thrown);
  }
}

/** Finishes an interrupted operation: undoes a connection, completes a disconnection. The container may have ended. */
export async function finishConnection(
  context: ContainerContext,
  intent: Extract<Intent, { kind: "connect" | "disconnect" }>,
): Promise<void> {
  const { containerId, endpoint } = intent;
  const record = context.state.findContainer(containerId);
  if (record !== undefined && isRunning(record) && context.live.has(containerId)) {
    using netns = openLiveNetwork(context, record);
    await context.networks.part.disconnect(endpoint, { netnsFd: netns.fd });
  } else await context.networks.part.detach(endpoint.id);
  context.networks.leases.remove(endpoint.id);
  if (record === undefined || intent.kind === "connect") return;
  const rest = (record.endpoints ?? []).filter(({ networkId }) => networkId !== endpoint.networkId);
  context.state.putContainer({ ...record, endpoints: rest });
}

function checkMode({ name, spec }: ContainerRecord): void {
  const mode = spec.isolation?.namespaces?.network;
  if (mode === undefined) return;
  const sentence =
    mode === "host"
      ? "container cannot be connected to a network: it has the host's"
      : mode === "none"
        ? "container cannot be connected to multiple networks with one of the networks in private (none) mode"
        : "container sharing network namespace with another container or host cannot be connected to any other network";
  throw new Failure("not-permitted", `cannot connect container "${name}": ${sentence}`);
}

function getEndpoint(
  context: ContainerContext,
  record: ContainerRecord,
  { reference, force }: { readonly reference: string; readonly force: boolean },
): EndpointRecord {
  const endpoints = record.endpoints ?? [];
  // The network may be gone: then its name in the record is all there is.
  const byName = endpoints.find(
    ({ networkName, networkId }) => networkName === reference || networkId === reference,
  );
  if (byName !== undefined) return byName;
  const { id } = context.networks.get(reference);
  const found = endpoints.find(({ networkId }) => networkId === id);
  if (found !== undefined) return found;
  throw new Failure(
    force ? "not-found" : "not-permitted",
    `cannot disconnect container "${record.name}": it is not connected to network ${quoted(reference)}`,
    { details: { network: reference, container: record.id } },
  );
}

export function openLiveNetwork(
  context: ContainerContext,
  record: ContainerRecord,
): ReturnType<typeof openProcessNetwork> {
  const kept = context.live.get(record.id)?.kept;
  if (kept === undefined) {
    throw new Failure(
      "conflict",
      `cannot reach the network of container "${record.name}": it has just ended`,
    );
  }
  return openProcessNetwork(kept.pid);
}

/** The routes that the ends of a record should have, with the ports as they are. */
function routesWith(context: ContainerContext, record: ContainerRecord): readonly EndpointPlan[] {
  const ends = (record.endpoints ?? []).flatMap(({ networkId, settings, plan }) => {
    const network: NetworkPlan | undefined = context.networks.find(networkId)?.plan;
    return network === undefined || plan === undefined ? [] : [{ network, settings, plan }];
  });
  const ports = ends.flatMap(({ plan }) => plan.ports);
  // Ports stay where they are: moving them would cut connections.
  return routeEndpoints(ends, { ports: [] }).map((routed, at) => ({
    ...routed,
    ports: ends[at]?.plan.ports ?? ports,
    relaysIpv6: ends[at]?.plan.relaysIpv6,
  }));
}

/** Another network may have become the one with the default route. Returns the record as it is then. */
async function changeRoutes(
  context: ContainerContext,
  {
    record,
    plans,
    netnsFd,
  }: { readonly record: ContainerRecord; readonly plans: readonly EndpointPlan[]; readonly netnsFd: Fd },
): Promise<ContainerRecord> {
  const endpoints: EndpointRecord[] = [];
  for (const endpoint of record.endpoints ?? []) {
    const { plan } = endpoint;
    const gateways = plans.find(({ id }) => id === plan?.id)?.defaultGateways;
    if (plan === undefined || gateways === undefined || textOf(gateways) === textOf(plan.defaultGateways)) {
      endpoints.push(endpoint);
      continue;
    }
    await context.networks.part.setDefaultGateways(plan, { netnsFd, gateways });
    const changed = { ...plan, defaultGateways: gateways };
    context.networks.leases.add(record.id, changed);
    endpoints.push({ ...endpoint, plan: changed });
  }
  return { ...record, endpoints };
}

function textOf(addresses: EndpointPlan["defaultGateways"]): string {
  return addresses.map(formatIpAddress).join(" ");
}

/** In its place: the container has this very file bound. */
function changeHostsFile(
  context: ContainerContext,
  record: ContainerRecord,
  { come, gone }: { readonly come: readonly EndpointPlan[]; readonly gone: readonly EndpointPlan[] },
): void {
  const path = context.paths.file(record.id, "hosts");
  const plan = planRecord(context, record);
  const text = changeHosts(readFileSync(path, "utf8"), {
    come: ownHosts(plan, come),
    gone: gone.flatMap(({ addresses }) => addresses.map(({ address }) => formatIpAddress(address))),
  });
  writeFileSync(path, text);
}
