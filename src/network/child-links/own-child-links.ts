import { findLinkIndex, listLinksIn, removeLinkIn, type NetlinkRequest } from "../../linux/netlink/links.ts";
import { isNamespaceId, listNamespaceIds } from "../../linux/netlink/namespace-ids.ts";
import { listAcceptedMacAddresses } from "../../linux/netlink/neighbors.ts";
import type { HostSide } from "../host-side.ts";
import { bypassNamesOf, endpointAliasOf } from "../interface-names.ts";
import type { LeavingLink } from "../leaving-links.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";
import { type ChildLink, isChildKind } from "./child-link.ts";
import { type EndpointId, findEndpointId, type NetworkId } from "../../model/ids.ts";

/** How long the kernel may take to remove the links of a namespace that nothing keeps. */
const DISMANTLE_MS = 10_000;

/**
 * Removes the interface of an endpoint, and all interfaces that other processes created on the same parent in its
 * namespace.
 */
function chooseRemovals(
  host: HostSide,
  ownAlias: string,
  { namespaceId }: ChildLink,
): readonly NetlinkRequest[] {
  const links = listLinksIn(namespaceId, host.route).filter(({ kind }) => isChildKind(kind));
  const own = links.find(({ alias }) => alias === ownAlias);
  return links
    .filter(({ parent }) => parent === own?.parent)
    .map(({ name }) => removeLinkIn(namespaceId, name));
}

/**
 * `send`: to the host's socket, when that is free. `isReplaced`: another endpoint has the hardware address now. KERNEL:
 * the id of a namespace is gone before its links, and those can't be removed by it then; but the parent accepts frames
 * for a macvlan until it is gone. An ipvlan cannot be seen then: see attachInTime().
 */
export function leavingChildLink(
  id: EndpointId,
  childLink: ChildLink,
  {
    remove,
    isReplaced,
  }: {
    readonly remove: (plan: (host: HostSide) => readonly NetlinkRequest[]) => Promise<void>;
    readonly isReplaced: () => boolean;
  },
): LeavingLink {
  const { namespaceId, parentIndex, macAddress } = childLink;
  let isRemoved = false;
  let dismantledSince: number | undefined;
  return {
    isThere: (socket) => {
      if (!isRemoved && isNamespaceId(socket, namespaceId)) return true;
      dismantledSince ??= performance.now();
      if (isReplaced() || performance.now() - dismantledSince > DISMANTLE_MS) return false;
      return listAcceptedMacAddresses(socket, parentIndex).has(macAddress);
    },
    remove: async () => {
      await remove((host) => chooseRemovals(host, endpointAliasOf(host.names, id), childLink));
      isRemoved = true;
    },
  };
}

/** Those of running containers, as an engine before this one has made them. Those of other containers are removed. */
export function adoptChildLinks(
  host: HostSide,
  {
    plans,
    endpoints,
  }: {
    readonly plans: ReadonlyMap<NetworkId, NetworkPlan>;
    readonly endpoints: ReadonlyMap<EndpointId, EndpointPlan>;
  },
): void {
  const { names, route, childLinks } = host;
  childLinks.clear();
  const hasChildLinks = ({ id, driver }: NetworkPlan): boolean =>
    driver !== "bridge" || findLinkIndex(route, bypassNamesOf(id).sink) !== undefined;
  if (!plans.values().some(hasChildLinks)) return;
  for (const namespaceId of listNamespaceIds(route)) {
    const own = listLinksIn(namespaceId, route).filter(
      ({ kind, alias }) => isChildKind(kind) && alias.startsWith(names.aliasPrefix),
    );
    for (const { alias, parent: parentIndex, macAddress } of own) {
      const id = findEndpointId(alias.slice(names.aliasPrefix.length));
      const childLink = { namespaceId, parentIndex, macAddress };
      if (id !== undefined && endpoints.has(id)) childLinks.set(id, childLink);
      else route.send(chooseRemovals(host, alias, childLink));
    }
  }
}
