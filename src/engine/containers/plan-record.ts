import { type ContainerPlan, planContainer } from "../planning/plan-container.ts";
import type { ContainerRecord } from "../state/records.ts";
import type { ContainerContext } from "./context.ts";
import { findNetworkOwner } from "./network-owner.ts";

/** What was decided of a container that exists. Who shares another's network is called what that one is called. */
export function planRecord(
  context: Pick<ContainerContext, "state" | "host">,
  record: ContainerRecord,
): ContainerPlan {
  const { id, spec, imageConfig } = record;
  const owner = findNetworkOwner(context, record);
  return planContainer(id, {
    spec,
    image: imageConfig.defaults,
    host: context.host,
    ...(owner === undefined || owner.id === id ? {} : { networkOwner: owner }),
  });
}
