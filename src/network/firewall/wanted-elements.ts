import type { SetElement } from "../../linux/nftables/nftables.ts";
import type { EndpointPlan, NetworkPlan } from "../types.ts";
import { endpointElements, networkElements, standInElements } from "./elements.ts";
import type { EndpointId, NetworkId } from "../../model/ids.ts";

/** Set elements by their owner: a network, an endpoint, or all networks together. */
export type OwnedElements = ReadonlyMap<string, readonly SetElement[]>;

const standInOwner = "stand-in";

/** Everything that the table's sets contain. */
export function allElements(
  networks: ReadonlyMap<NetworkId, NetworkPlan>,
  endpoints: ReadonlyMap<EndpointId, EndpointPlan>,
): OwnedElements {
  const plans = [...networks.values()];
  return new Map<string, readonly SetElement[]>([
    ...plans.map((plan) => [plan.id, networkElements(plan)] as const),
    [standInOwner, standInElements(plans)],
    ...[...endpoints.values()].flatMap((endpoint) => {
      const plan = networks.get(endpoint.networkId);
      return plan === undefined ? [] : [[endpoint.id, endpointElements(plan, endpoint)] as const];
    }),
  ]);
}

/** The elements that change when the network `id` gets this plan, or is removed. */
export function networkChange(
  networks: ReadonlyMap<NetworkId, NetworkPlan>,
  id: NetworkId,
  plan: NetworkPlan | undefined,
): OwnedElements {
  const others = [...networks.values()].filter((each) => each.id !== id);
  return new Map([
    [id, plan === undefined ? [] : networkElements(plan)],
    [standInOwner, standInElements(plan === undefined ? others : [...others, plan])],
  ]);
}
