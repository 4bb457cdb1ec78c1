import { sentenceOf } from "../base/failure.ts";
import { correctBridgeSizes, ensureBridge } from "./bridge/bridge-driver.ts";
import { correctBridgePorts } from "./bridge/own-links.ts";
import { networkChange } from "./firewall/wanted-elements.ts";
import { lockHostNetworks } from "./host-lock.ts";
import { ensureParent } from "./child-links/child-link-driver.ts";
import type { OpenedHost } from "./opened-host.ts";
import type { EndpointPlan, NetworkPlan } from "./types.ts";
import type { EndpointId, NetworkId } from "../model/ids.ts";

/**
 * The host's side of all networks, after a start of the engine: makes what is missing. Returns those that could not be
 * made, with a note for each; one that no endpoint is in is forgotten, so that the firewall leaves alone what is in its
 * way.
 */
export async function makeNetworks(
  { host, firewall, bypass }: OpenedHost,
  {
    plans,
    endpoints,
  }: {
    readonly plans: Map<NetworkId, NetworkPlan>;
    readonly endpoints: ReadonlyMap<EndpointId, EndpointPlan>;
  },
): Promise<readonly NetworkId[]> {
  if (plans.size === 0) return [];
  const failed: NetworkId[] = [];
  using _host = await lockHostNetworks();
  for (const plan of plans.values()) {
    try {
      if (plan.driver !== "bridge") ensureParent(host, plan);
      else {
        ensureBridge(host, plan);
        bypass.ensure(plan, endpoints);
      }
    } catch (thrown) {
      host.note(sentenceOf(thrown));
      failed.push(plan.id);
      if (endpoints.values().some(({ networkId }) => networkId === plan.id)) continue;
      plans.delete(plan.id);
      firewall.change(networkChange(plans, plan.id, undefined));
    }
  }
  correctBridgePorts(host, { plans, endpoints });
  for (const plan of plans.values()) if (plan.driver === "bridge") correctBridgeSizes(host, plan);
  return failed;
}
