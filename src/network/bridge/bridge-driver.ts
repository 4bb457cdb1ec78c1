import { required } from "../../base/required.ts";
import { Failure, within } from "../../base/failure.ts";
import {
  addAddress,
  type InterfaceAddress,
  listAddresses,
  removeAddress,
} from "../../linux/netlink/addresses.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { findNetworkSysctl, writeNetworkSysctl } from "../../linux/netlink/interface-sysctls.ts";
import {
  addBridge,
  addVeth,
  findLink,
  findLinkIndex,
  releasePort,
  removeLink,
  setAlias,
  setBridgePort,
  setMtu,
  setNoLinkLocal,
  setUp,
  type Link,
  type NetlinkRequest,
} from "../../linux/netlink/links.ts";
import { removeNeighbor } from "../../linux/netlink/neighbors.ts";
import { NetlinkFailure } from "../../linux/netlink/netlink-socket.ts";
import { configureContainerSide } from "../container-side.ts";
import { ensureForwarding } from "../forwarding.ts";
import type { HostSide } from "../host-side.ts";
import { bridgeAliasOf, bridgeMacOf, vethNameOf } from "../interface-names.ts";
import { isSubnetTaken } from "../subnet-taken.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";
import { gatewayAddresses, hasSameAddress } from "./bridge-faults.ts";
import { refuseTakenSubnet } from "./refuse-taken-subnet.ts";
import { correctGsoSizes, wantedGsoSizes, withNextPort } from "./correct-gso-sizes.ts";

/**
 * Creates missing kernel objects of a bridge network on the host. An existing bridge of another owner is used and never
 * removed. The caller holds the lock of all engines: see lockHostNetworks().
 */
export function ensureBridge(host: HostSide, plan: NetworkPlan): void {
  const name = plan.interfaceName;
  const found = findLink(host.route, name);
  if (found !== undefined && found.kind !== "bridge") {
    throw new Failure(
      "conflict",
      `cannot make the bridge ${name}: an interface of that name exists and is no bridge`,
    );
  }
  try {
    if (found === undefined) {
      refuseTakenSubnet(host.route, plan);
      host.route.send([
        addBridge(name, { macAddress: bridgeMacOf(plan.id), mtu: plan.mtu }),
        // One call with its making: there is no moment in which it is not known as ours.
        setAlias(name, bridgeAliasOf(host.names, plan.id)),
      ]);
    }
    completeBridge(host, plan);
  } catch (thrown) {
    if (found === undefined && !isSubnetTaken(thrown)) host.route.send([removeLink(name)]);
    throw within(`cannot make the network ${plan.name}`, thrown);
  }
}

function completeBridge(host: HostSide, plan: NetworkPlan): void {
  const name = plan.interfaceName;
  const link = required(findLink(host.route, name));
  setIpv6(plan);
  const wanted = gatewayAddresses(plan);
  const mine = isOwnBridge(host, plan, link);
  const now = listAddresses(host.route).filter((address) => address.index === link.index);
  host.route.send([
    ...(mine ? now.filter((address) => !isLinkLocal(address) && !hasSameAddress(wanted, address)) : []).map(
      (address) => removeAddress(address, link.index),
    ),
    ...wanted
      .filter((address) => !hasSameAddress(now, address))
      .map((address) => addAddress(address, link.index)),
    ...(link.mtu === plan.mtu || !mine ? [] : [setMtu(name, plan.mtu)]),
    ...(link.isUp ? [] : [setUp(name)]),
  ]);
  if (!plan.internal) ensureForwarding(plan, host.note);
}

function setIpv6(plan: NetworkPlan): void {
  const name = plan.interfaceName;
  const set = (parameter: string, value: string): void => {
    const path = `net/ipv6/conf/${name}/${parameter}`;
    const now = findNetworkSysctl(path);
    if (now !== undefined && now !== value) writeNetworkSysctl(path, value);
  };
  set("accept_ra", "0");
  // KERNEL: a bridge sends no neighbor solicitation while its link-local address is tentative: a second without IPv6.
  set("accept_dad", "0");
  set("disable_ipv6", plan.ipv6 ? "0" : "1");
  if (plan.ipv6 && findNetworkSysctl(`net/ipv6/conf/${name}/disable_ipv6`) === undefined) {
    throw new Failure("unsupported", "this kernel runs without IPv6");
  }
}

function isLinkLocal({ address }: InterfaceAddress): boolean {
  return address.family === 6 && address.value >> 118n === 0x3fan;
}

function isOwnBridge(host: HostSide, plan: NetworkPlan, link: Link): boolean {
  return link.alias === bridgeAliasOf(host.names, plan.id);
}

/** Only a bridge that this network made. */
export function removeBridge(host: HostSide, plan: NetworkPlan): void {
  const link = findLink(host.route, plan.interfaceName);
  host.bridges.delete(plan.interfaceName);
  if (link !== undefined && isOwnBridge(host, plan, link)) host.route.send([removeLink(link.name)]);
}

/**
 * Of a bridge that this network made. KERNEL: one without ports can't have large packets, so this is for when one has
 * come.
 */
export function correctBridgeSizes(host: HostSide, plan: NetworkPlan): void {
  const link = findLink(host.route, plan.interfaceName);
  if (link !== undefined && isOwnBridge(host, plan, link)) host.route.send(correctGsoSizes(plan, link));
}

/** KERNEL: with br_netfilter a port must send back what is translated to its own container (hairpin). */
export function portOf(plan: NetworkPlan, name: string): NetlinkRequest {
  return setBridgePort(name, { hairpin: true, isolated: !plan.interContainer });
}

/** As it was the last time, if it is still the same interface, and had what it should without anything asked for. */
function findBridge({ route, bridges }: HostSide, plan: NetworkPlan): Link | undefined {
  const name = plan.interfaceName;
  const known = plan.gsoMaxSizes === undefined ? bridges.get(name) : undefined;
  if (known !== undefined && findLinkIndex(route, name) === known.index) return known;
  const found = findLink(route, name);
  if (found === undefined) return undefined;
  if (correctGsoSizes(plan, withNextPort(found)).length === 0) bridges.set(name, found);
  return found;
}

/** A pair of which one end is the bridge's port and the other is born in the container. On failure it is gone again. */
export async function attachToBridge(
  host: HostSide,
  {
    plan,
    endpoint,
    netnsFd,
  }: { readonly plan: NetworkPlan; readonly endpoint: EndpointPlan; readonly netnsFd: Fd },
): Promise<string> {
  const name = vethNameOf(host.names, endpoint.id);
  const found = findBridge(host, plan);
  if (found === undefined) {
    throw new Failure(
      "not-found",
      `cannot attach to the network ${plan.name}: its bridge ${plan.interfaceName} is gone`,
    );
  }
  const bridge = withNextPort(found);
  const { interfaceName, macAddress } = endpoint;
  try {
    await host.route.sendAside([
      addVeth(name, {
        bridgeIndex: bridge.index,
        mtu: plan.mtu,
        gsoSizes: plan.gsoMaxSizes === undefined ? {} : wantedGsoSizes(plan, bridge),
        peer: { name: interfaceName, macAddress, netnsFd },
      }),
      setNoLinkLocal(name),
      portOf(plan, name),
      setUp(name),
      ...(isOwnBridge(host, plan, bridge) ? correctGsoSizes(plan, bridge) : []),
    ]);
    configureContainerSide(endpoint, netnsFd);
  } catch (thrown) {
    // The existing interface is an earlier one if creating the pair failed.
    const isMade = !(thrown instanceof NetlinkFailure && thrown.request.about.startsWith("make "));
    if (isMade) host.route.send([removeLink(name)]);
    throw within(`cannot attach to the network ${plan.name}`, thrown);
  }
  return name;
}

/**
 * The container has ended. A socket that is still open keeps its network namespace, and the pair with it, for minutes:
 * the bridge must lead to it no longer, as the next container may get its address. Fine when absent.
 */
export async function detachFromBridge(
  { names, route }: HostSide,
  { plan, endpoint }: { readonly plan: NetworkPlan; readonly endpoint: EndpointPlan },
): Promise<void> {
  const index = findLinkIndex(route, plan.interfaceName);
  await route.sendAside([
    releasePort(vethNameOf(names, endpoint.id)),
    ...(index === undefined ? [] : endpoint.addresses.map(({ address }) => removeNeighbor(address, index))),
  ]);
}
