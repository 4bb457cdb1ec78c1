import { addSubnetRoute } from "../../linux/netlink/addresses.ts";
import type { HostSide } from "../host-side.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";
import type { BridgeBypass } from "./bridge-bypass.ts";
import { correctBridgeSizes, ensureBridge } from "./bridge-driver.ts";
import { missingRoutes } from "./bridge-faults.ts";
import { correctBridgePorts } from "./own-links.ts";
import { readBridge } from "./read-bridge.ts";
import type { EndpointId } from "../../model/ids.ts";

/** Completes the bridge of a network, and puts the interfaces of its containers back on it. */
export function restoreBridge(
  host: HostSide,
  plan: NetworkPlan,
  {
    endpoints,
    bypass,
  }: { readonly endpoints: ReadonlyMap<EndpointId, EndpointPlan>; readonly bypass: BridgeBypass },
): void {
  ensureBridge(host, plan);
  // Whether a port is isolated and sends frames back are settings of the bridge: a new one has lost them.
  correctBridgePorts(host, { plans: new Map([[plan.id, plan]]), endpoints });
  const hasPorts = endpoints.values().some(({ networkId }) => networkId === plan.id);
  const state = readBridge(host.route, plan, { hasPorts });
  const index = state.link?.index ?? 0;
  host.route.send(missingRoutes(plan, state).map((address) => addSubnetRoute(address, index)));
  bypass.ensure(plan, endpoints);
  correctBridgeSizes(host, plan);
}
