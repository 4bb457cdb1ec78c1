import { Failure, within } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import {
  addMacvlan,
  addSink,
  addVlan,
  findLink,
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
import { endpointAliasOf } from "../interface-names.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";

/** The parent: the host's own interface, or one made here: `dm-…` leads nowhere, `eth0.10` is a VLAN of eth0. */
export function ensureMacvlanParent(host: HostSide, plan: NetworkPlan): void {
  const name = plan.interfaceName;
  if (findLink(host.route, name) !== undefined) return;
  const alias = setAlias(name, `${host.names.aliasPrefix}${plan.id}`);
  if (name.startsWith("dm-"))
    return makeParent(host, plan, { kind: "dummy", requests: [addSink(name, "dummy"), setUp(name), alias] });
  const [, base, tag] = /^(.+)\.(\d{1,4})$/.exec(name) ?? [];
  const parent = base === undefined ? undefined : findLink(host.route, base);
  if (parent === undefined || tag === undefined) {
    throw new Failure(
      "not-found",
      `cannot make the network ${plan.name}: its parent interface ${name} does not exist`,
    );
  }
  makeParent(host, plan, {
    kind: "VLAN",
    requests: [addVlan(name, { parentIndex: parent.index, tag: Number(tag) }), alias],
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
    throw new Failure(
      "unsupported",
      `cannot make the network ${plan.name}: this kernel has no interfaces of the kind ${kind}`,
      { cause: thrown },
    );
  }
}

/**
 * A parent that a network made goes with the last network that uses it; the last then need not be the one that made it.
 */
export function removeMacvlanParent(host: HostSide, plan: NetworkPlan, plans: readonly NetworkPlan[]): void {
  const name = plan.interfaceName;
  const heir = plans.find(
    (other) => other.id !== plan.id && other.driver === "macvlan" && other.interfaceName === name,
  );
  const link = findLink(host.route, name);
  if (link === undefined || !link.alias.startsWith(host.names.aliasPrefix)) return;
  host.route.send([
    heir === undefined ? removeLink(name) : setAlias(name, `${host.names.aliasPrefix}${heir.id}`),
  ]);
}

/** The container's end, born there. On failure it is gone again. */
export function attachMacvlan(
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
    host.route.send([
      addNamespaceId(netnsFd),
      addMacvlan(endpoint.interfaceName, {
        parentIndex: parent.index,
        mode: plan.macvlanMode ?? "bridge",
        macAddress: endpoint.macAddress,
        mtu: Math.min(plan.mtu, parent.mtu),
        netnsFd,
      }),
    ]);
    configureContainerSide(endpoint, netnsFd, (link) => [
      setAlias(endpoint.interfaceName, endpointAliasOf(host.names, endpoint.id)),
      ...correctGsoSizes(plan, link),
    ]);
    const namespaceId = findNamespaceId(host.route, netnsFd);
    const { macAddress } = endpoint;
    if (namespaceId !== undefined)
      host.macvlans.set(endpoint.id, { namespaceId, parentIndex: parent.index, macAddress });
  } catch (thrown) {
    if (!(thrown instanceof NetlinkFailure && thrown.request.about.startsWith("make "))) {
      removeContainerSide(endpoint.interfaceName, { netnsFd });
    }
    throw within(`cannot attach to the network ${plan.name}`, thrown);
  }
}
