import { completeSubnet } from "../../network/check-subnet.ts";
import { findOverlap, pickSubnet } from "../../network/pick-subnet.ts";
import type { NetworkRecord } from "../state/records.ts";
import type { NetworkFacts } from "./resolve-network.ts";

/**
 * The network with free subnets in place of those that meet one of the host's: of those that were chosen for it, not of
 * those that it was made with. Undefined where that changes nothing. Pure. Throws "exhausted".
 */
export function moveNetwork(
  record: NetworkRecord,
  { pools, routes, others }: NetworkFacts,
): NetworkRecord | undefined {
  const { plan, ipam } = record;
  if (plan === undefined) return undefined;
  const asked = ipam.subnets.map(({ subnet = "" }) => (subnet.includes(":") ? 6 : 4));
  const taken = others.flatMap((other) =>
    other.id === record.id ? [] : (other.plan?.subnets.map(({ subnet }) => subnet) ?? []),
  );
  const used = [...taken, ...routes];
  const subnets = plan.subnets.map((old) => {
    const { family } = old.subnet.address;
    if (asked.includes(family) || findOverlap(old.subnet, used) === undefined) return old;
    const subnet = pickSubnet(family, { pools, used });
    return completeSubnet({ subnet }, { gateway: old.gateway !== undefined });
  });
  if (subnets.every((subnet, at) => subnet === plan.subnets[at])) return undefined;
  return { ...record, plan: { ...plan, subnets } };
}
