import { Failure } from "../../base/failure.ts";
import type { ContainerContext } from "../context.ts";
import { getContainer } from "../find-container.ts";
import { inRealm, realmOf } from "../realm.ts";
import type { ContainerRecord, EndpointRecord } from "../state/records.ts";
import { checkSettings, findJoinable, type getJoinable } from "./join-networks.ts";
import { quoted } from "./refuse-network.ts";

/**
 * The record of a container that is about to start, with the networks and the network owner that did not exist when
 * it was created: as dockerd, a creation takes their names as they are. Writes a record that changes; the same record
 * when it had none of them. Throws "not-found", "invalid".
 */
export function findAtStart(context: ContainerContext, record: ContainerRecord): ContainerRecord {
  const { endpoints, spec } = record;
  const network = spec.isolation?.namespaces?.network;
  const isOwned = typeof network === "object";
  const owner = isOwned ? context.state.findContainer(network.container) : undefined;
  const isOwnerKnown = !isOwned || (owner !== undefined && realmOf(owner) === realmOf(record));
  if (isOwnerKnown && endpoints?.some(({ networkId }) => networkId === "") !== true) return record;
  const found = { ...record, endpoints: endpoints && findEndpoints(context, endpoints) };
  const changed: ContainerRecord =
    !isOwned || isOwnerKnown ? found : { ...found, spec: withOwner(context, spec, network.container) };
  context.state.putContainer(changed);
  return changed;
}

function findEndpoints(
  context: ContainerContext,
  endpoints: readonly EndpointRecord[],
): readonly EndpointRecord[] {
  const found: EndpointRecord[] = [];
  for (const endpoint of endpoints) {
    const network = endpoint.networkId === "" ? getNamed(context, endpoint) : undefined;
    const known =
      network === undefined ? endpoint : { ...endpoint, networkId: network.id, networkName: network.name };
    if (network !== undefined && endpoints.concat(found).some(({ networkId }) => networkId === network.id))
      throw new Failure("invalid", `network ${quoted(network.name)} is specified multiple times`);
    found.push(known);
  }
  return found;
}

function getNamed(
  context: ContainerContext,
  { networkName, settings }: EndpointRecord,
): ReturnType<typeof getJoinable> {
  const network = findJoinable(context, networkName);
  if (network === undefined) {
    throw new Failure("not-found", `network ${networkName.slice(0, 200)} not found`, {
      details: { network: networkName },
    });
  }
  checkSettings(network, settings);
  return network;
}

function withOwner(
  context: ContainerContext,
  spec: ContainerRecord["spec"],
  reference: string,
): ContainerRecord["spec"] {
  const { id } = getContainer(context.state, inRealm(context.state, reference, realmOf({ spec })));
  const namespaces = { ...spec.isolation?.namespaces, network: { container: id } };
  return { ...spec, isolation: { ...spec.isolation, namespaces } };
}
