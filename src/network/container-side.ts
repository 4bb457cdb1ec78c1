import { required } from "../base/required.ts";
import { addAddress, addRoute, removeRoute } from "../linux/netlink/addresses.ts";
import type { Fd, OwnedFd } from "../linux/kernel/fd.ts";
import { tryNetworkSysctl, writeNetworkSysctl } from "../linux/netlink/interface-sysctls.ts";
import {
  findLink,
  findLinkIndex,
  type Link,
  listLinks,
  removeLink,
  setUp,
  type NetlinkRequest,
} from "../linux/netlink/links.ts";
import { inNetworkNamespace } from "../linux/namespaces/network-namespace.ts";
import { openNetlink } from "../linux/netlink/netlink-socket.ts";
import { Failure } from "../base/failure.ts";
import { formatIpAddress, type IpAddress } from "../spec/ip-address.ts";
import { isChildKind } from "./child-links/child-link.ts";
import type { EndpointPlan } from "./types.ts";
import type { EndpointId } from "../model/ids.ts";

/**
 * The container's end, which was born there by the host's request: parameters, addresses, up, routes. One visit to its
 * namespace, one batch. Does not wait. `correct`: what else is to be made right, as the kernel made it.
 */
export function configureContainerSide(
  endpoint: EndpointPlan,
  netnsFd: Fd,
  correct?: (link: Link) => readonly NetlinkRequest[],
): void {
  const { interfaceName } = endpoint;
  inNetworkNamespace(netnsFd, () => {
    using socket = openNetlink("route");
    const index = findLinkIndex(socket, interfaceName);
    if (index === undefined) throw new Failure("not-found", `cannot find the interface ${interfaceName}`);
    const hasIpv6 = endpoint.addresses.some(({ address }) => address.family === 6);
    // A kernel without IPv6 lacks them. Off unless asked for, and no word of a router is believed, before it can hear
    // one.
    tryNetworkSysctl(`net/ipv6/conf/${interfaceName}/disable_ipv6`, hasIpv6 ? "0" : "1");
    tryNetworkSysctl(`net/ipv6/conf/${interfaceName}/accept_ra`, "0");
    if (hasIpv6) tryNetworkSysctl(`net/ipv6/conf/${interfaceName}/accept_dad`, "0");
    for (const [name, value] of Object.entries(endpoint.sysctls)) {
      writeNetworkSysctl(name.replaceAll(".", "/").replaceAll("IFNAME", interfaceName), value);
    }
    const requests: NetlinkRequest[] = [
      ...endpoint.addresses.map((address) => addAddress(address, index)),
      ...endpoint.linkLocal.map((address) =>
        addAddress({ address, bits: address.family === 4 ? 16 : 64 }, index),
      ),
      ...(correct === undefined ? [] : correct(required(findLink(socket, index)))),
      setUp("lo"),
      setUp(interfaceName),
      ...endpoint.defaultGateways.map((gateway) => addRoute(defaultRoute(gateway, index))),
    ];
    socket.send(requests);
  });
}

function defaultRoute(gateway: IpAddress, index: number): Parameters<typeof addRoute>[0] {
  const prefix = { address: { family: gateway.family, value: 0n }, bits: 0 };
  return gateway.value === 0n ? { prefix, index } : { prefix, gateway, index };
}

/** The routes that lead through it become these. */
export function replaceDefaultGateways(
  endpoint: EndpointPlan,
  { netnsFd, gateways }: { readonly netnsFd: Fd; readonly gateways: readonly IpAddress[] },
): void {
  inNetworkNamespace(netnsFd, () => {
    using socket = openNetlink("route");
    const link = findLink(socket, endpoint.interfaceName);
    if (link === undefined)
      throw new Failure("not-found", `cannot find the interface ${endpoint.interfaceName}`);
    const kept = new Set(gateways.map(formatIpAddress));
    socket.send([
      ...endpoint.defaultGateways
        .filter((gateway) => !kept.has(formatIpAddress(gateway)))
        .map((gateway) => removeRoute(defaultRoute(gateway, link.index))),
      ...gateways.map((gateway) => addRoute(defaultRoute(gateway, link.index))),
    ]);
  });
}

/** The containers' own ends, of endpoints whose namespace `openNetns` opens; undefined: it is not there by its name. */
export function findOwnEnds(
  endpoints: ReadonlyMap<EndpointId, EndpointPlan>,
  openNetns: (id: EndpointId) => OwnedFd | undefined,
): ReadonlyMap<EndpointId, Link | undefined> {
  const found = new Map<EndpointId, Link | undefined>();
  for (const { id, interfaceName } of endpoints.values()) {
    using netns = openNetns(id);
    if (netns !== undefined) found.set(id, findContainerSide(interfaceName, netns.fd));
  }
  return found;
}

/** Undefined where it is not there by this name. */
function findContainerSide(interfaceName: string, netnsFd: Fd): Link | undefined {
  return inNetworkNamespace(netnsFd, () => {
    using socket = openNetlink("route");
    return findLink(socket, interfaceName);
  });
}

/**
 * Does nothing when absent. `withSiblings` also removes all child links that other processes created on the same parent in
 * the namespace.
 */
export function removeContainerSide(
  interfaceName: string,
  { netnsFd, withSiblings = false }: { readonly netnsFd: Fd; readonly withSiblings?: boolean | undefined },
): void {
  inNetworkNamespace(netnsFd, () => {
    using socket = openNetlink("route");
    const link = withSiblings ? findLink(socket, interfaceName) : undefined;
    // KERNEL: the parent's index is one of the host's; an interface of another kind may be tied to one here that has
    // the same.
    const siblings =
      link !== undefined && isChildKind(link.kind)
        ? listLinks(socket).filter(({ kind, parent }) => isChildKind(kind) && parent === link.parent)
        : [];
    socket.send([...siblings.map(({ name }) => name), interfaceName].map(removeLink));
  });
}

export function bringUpLoopback(netnsFd: Fd): void {
  inNetworkNamespace(netnsFd, () => {
    using socket = openNetlink("route");
    socket.send([setUp("lo")]);
  });
}
