import { listLinks, removeLink, setMaster, setUp } from "../../linux/netlink/links.ts";
import type { HostSide } from "../host-side.ts";
import { bridgeAliasOf, vethNameOf } from "../interface-names.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";
import { portOf } from "./bridge-driver.ts";
import { correctGsoSizes } from "./correct-gso-sizes.ts";
import type { EndpointId, NetworkId } from "../../model/ids.ts";

interface Records {
  readonly plans: ReadonlyMap<NetworkId, NetworkPlan>;
  readonly endpoints: ReadonlyMap<EndpointId, EndpointPlan>;
}

/**
 * Puts interfaces back on their bridge: one that was removed and made again has lost its ports. The container's end is
 * not touched.
 */
export function correctBridgePorts({ names, route }: HostSide, { plans, endpoints }: Records): void {
  const links = new Map(listLinks(route).map((link) => [link.name, link]));
  for (const { id, networkId } of endpoints.values()) {
    const plan = plans.get(networkId);
    const bridge = plan === undefined ? undefined : links.get(plan.interfaceName);
    const port = links.get(vethNameOf(names, id));
    if (plan === undefined || bridge === undefined || port === undefined) continue;
    const isOn = port.master === bridge.index;
    route.send([
      ...correctGsoSizes(plan, port),
      ...(isOn ? [] : [setMaster(port.name, bridge.index), portOf(plan, port.name)]),
      ...(port.isUp ? [] : [setUp(port.name)]),
    ]);
  }
}

/** Removes interfaces of this data root that the records do not contain. */
export function removeStrayLinks({ names, route }: HostSide, { plans, endpoints }: Records): void {
  const aliases = new Set([...plans.keys()].map((id) => bridgeAliasOf(names, id)));
  const pairs = new Set([...endpoints.keys()].map((id) => vethNameOf(names, id)));
  const strays = listLinks(route).filter(
    ({ name, alias, kind }) =>
      (alias.startsWith(names.aliasPrefix) && !aliases.has(alias)) ||
      (kind === "veth" && name.startsWith(names.vethPrefix) && !pairs.has(name)),
  );
  route.send(strays.map(({ name }) => removeLink(name)));
}
