import { type ResolvedContainer, resolveContainer } from "./resolve/container.ts";
import type { ContainerRecord } from "./state/records.ts";
import type { ContainerContext } from "./context.ts";
import { findNetworkOwner } from "./network-owner.ts";

/** Of the container that was made last: most are started at once, and once. */
let newest: { readonly spec: ContainerRecord["spec"]; readonly plan: ResolvedContainer } | undefined;

/** Decides the settings of a container that is about to be created. Throws "invalid". */
export function planNew(
  { host }: Pick<ContainerContext, "host">,
  { id, spec, imageConfig }: Pick<ContainerRecord, "id" | "spec" | "imageConfig">,
): ResolvedContainer {
  const plan = resolveContainer(id, { spec, image: imageConfig.defaults, host });
  newest = { spec, plan };
  return plan;
}

/** As planRecord(), for the start that follows. */
export function planStart(
  context: Pick<ContainerContext, "state" | "host">,
  record: ContainerRecord,
): ResolvedContainer {
  const known = newest?.spec === record.spec ? newest.plan : undefined;
  newest = undefined;
  // The remaining check: whether the names are the same.
  return known === undefined || typeof record.spec.isolation?.namespaces?.network === "object"
    ? planRecord(context, record)
    : known;
}

/** The settings of an existing container. A container in another one's network has that container's host name. */
export function planRecord(
  context: Pick<ContainerContext, "state" | "host">,
  record: ContainerRecord,
): ResolvedContainer {
  const { id, spec, imageConfig } = record;
  const owner = findNetworkOwner(context, record);
  return resolveContainer(id, {
    spec,
    image: imageConfig.defaults,
    host: context.host,
    networkOwner: owner === undefined || owner.id === id ? undefined : owner,
  });
}
