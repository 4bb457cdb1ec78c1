import { kindOf } from "../../base/failure.ts";
import type { ContainerContext } from "../context.ts";
import type { EndpointRecord } from "../state/records.ts";
import type { ContainerId } from "../../model/ids.ts";
import { endpointFor } from "./join-networks.ts";

/**
 * Releases quarantined addresses of containers that have just ended. Their links are removed at once when they belong
 * to the starting container, so that a restart keeps the address. They are also removed when the starting container
 * requests such an address, or when its network has no other free address.
 */
export async function freeRestingAddresses(
  context: ContainerContext,
  containerId: ContainerId,
  endpoints: readonly Pick<EndpointRecord, "networkId" | "settings">[],
): Promise<void> {
  const own = context.networks.leases.restingOf(containerId);
  if (own.length > 0) await context.networks.expel(own);
  for (const { networkId, settings } of endpoints) {
    const resting = context.networks.leases.restingIn(networkId);
    const network = context.networks.find(networkId);
    if (resting.length === 0 || network?.plan === undefined) continue;
    try {
      const joinable = { ...network, plan: network.plan };
      endpointFor(context, { containerId, network: joinable, settings, usedNames: [] });
    } catch (thrown) {
      if (!["conflict", "exhausted"].includes(kindOf(thrown))) continue; // the start reports it
      await context.networks.expel(resting);
    }
  }
}
