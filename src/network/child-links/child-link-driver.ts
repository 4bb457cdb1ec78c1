import { Failure, within } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import {
  addIpvlan,
  addMacvlan,
  addSink,
  addVlan,
  findLink,
  hasChildLinks,
  type Link,
  removeLink,
  setAlias,
  setUp,
  type NetlinkRequest,
} from "../../linux/netlink/links.ts";
import { addNamespaceId, findNamespaceId } from "../../linux/netlink/namespace-ids.ts";
import { NetlinkFailure } from "../../linux/netlink/netlink-socket.ts";
import { correctGsoSizes } from "../bridge/correct-gso-sizes.ts";
import { configureContainerSide, removeContainerSide } from "../container-side.ts";
import type { HostSide } from "../host-side.ts";
import { endpointAliasOf, isSinkName } from "../interface-names.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";

const highestVlanTag = 4094;

/**
 * The parent: the host's own interface, or one made here: `dm-…` and `di-…` lead nowhere, `eth0.10` is a VLAN of eth0.
 */
export function ensureParent(host: HostSide, plan: NetworkPlan): void {
  const name = plan.interfaceName;
  if (plan.driver === "ipvlan" && !hasChildLinks(host.route, "ipvlan")) throw noLinksOf("ipvlan", plan);
  if (findLink(host.route, name) !== undefined) return;
  const alias = setAlias(name, `${host.names.aliasPrefix}${plan.id}`);
  if (isSinkName(name))
    return makeParent(host, plan, { kind: "dummy", requests: [addSink(name, "dummy"), setUp(name), alias] });
  const missing = (detail: string): Failure =>
    new Failure(
      "not-found",
      `cannot make the network ${plan.name}: its parent interface ${name} does not exist: ${detail}`,
    );
  // As dockerd words it.
  const [, base, digits] = /^([^.]+)\.(\d+)$/.exec(name) ?? [];
  if (base === undefined)
    throw missing(`invalid subinterface vlan name ${name}, example formatting is eth0.10`);
  const tag = Number(digits);
  if (tag < 1 || tag > highestVlanTag) throw missing(`vlan id must be between 1-4094, received: ${digits}`);
  const parent = findLink(host.route, base);
  if (parent === undefined) throw missing(`-o parent interface was not found on the host: ${base}`);
  makeParent(host, plan, {
    kind: "VLAN",
    requests: [addVlan(name, { parentIndex: parent.index, tag }), alias],
  });
}

function makeParent(
  host: HostSide,
  plan: NetworkPlan,
  { kind, requests }: { readonly kind: string; readonly requests: readonly NetlinkRequest[] },
): void {
  try {
    host.route.send(requests);
  } catch (thrown) {
    const isUnknown = thrown instanceof NetlinkFailure && thrown.code === "EOPNOTSUPP";
    if (!isUnknown) throw within(`cannot make the network ${plan.name}`, thrown);
    throw noLinksOf(kind, plan, thrown);
  }
}

function noLinksOf(kind: string, { name }: NetworkPlan, cause?: unknown): Failure {
  return new Failure(
    "unsupported",
    `cannot make the network ${name}: this kernel has no interfaces of the kind ${kind}`,
    { cause },
  );
}

/**
 * A parent that a network made goes with the last network that uses it; the last then need not be the one that made it.
 */
export function removeParent(host: HostSide, plan: NetworkPlan, plans: readonly NetworkPlan[]): void {
  const name = plan.interfaceName;
  const heir = plans.find(
    (other) => other.id !== plan.id && other.driver !== "bridge" && other.interfaceName === name,
  );
  const link = findLink(host.route, name);
  if (link === undefined || !link.alias.startsWith(host.names.aliasPrefix)) return;
  host.route.send([
    heir === undefined ? removeLink(name) : setAlias(name, `${host.names.aliasPrefix}${heir.id}`),
  ]);
}

/** The container's end, born there. On failure it is gone again. */
export function attachChildLink(
  host: HostSide,
  {
    plan,
    endpoint,
    netnsFd,
    parentName = plan.interfaceName,
  }: {
    readonly plan: NetworkPlan;
    readonly endpoint: EndpointPlan;
    readonly netnsFd: Fd;
    readonly parentName?: string | undefined;
  },
): void {
  const parent = findLink(host.route, parentName);
  if (parent === undefined) {
    throw new Failure(
      "not-found",
      `cannot attach to the network ${plan.name}: its parent interface ${parentName} does not exist`,
    );
  }
  try {
    host.route.send([addNamespaceId(netnsFd), addChildLink({ plan, endpoint, netnsFd, parent })]);
    configureContainerSide(endpoint, netnsFd, (link) => [
      setAlias(endpoint.interfaceName, endpointAliasOf(host.names, endpoint.id)),
      ...correctGsoSizes(plan, link),
    ]);
    const namespaceId = findNamespaceId(host.route, netnsFd);
    const { macAddress } = endpoint;
    if (namespaceId !== undefined)
      host.childLinks.set(endpoint.id, { namespaceId, parentIndex: parent.index, macAddress });
  } catch (thrown) {
    if (!(thrown instanceof NetlinkFailure && thrown.request.about.startsWith("make "))) {
      removeContainerSide(endpoint.interfaceName, { netnsFd });
    }
    throw within(`cannot attach to the network ${plan.name}`, thrown);
  }
}

function addChildLink({
  plan,
  endpoint: { interfaceName, macAddress },
  netnsFd,
  parent,
}: {
  readonly plan: NetworkPlan;
  readonly endpoint: EndpointPlan;
  readonly netnsFd: Fd;
  readonly parent: Link;
}): NetlinkRequest {
  const common = { parentIndex: parent.index, mtu: Math.min(plan.mtu, parent.mtu), netnsFd };
  return plan.ipvlan === undefined
    ? addMacvlan(interfaceName, { ...common, macAddress, mode: plan.macvlanMode ?? "bridge" })
    : addIpvlan(interfaceName, { ...common, ...plan.ipvlan });
}
