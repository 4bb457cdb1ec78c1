import { kindOf } from "../../../base/failure.ts";
import { pruneFilter } from "../../prune-filters.ts";
import type { ContainerId } from "../../../model/ids.ts";
import type { PruneFilters, PrunedContainers } from "../../../model/prune.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { eventTimeNs } from "../../describe-event.ts";
import { realmOf } from "../../realm.ts";
import { findSizes } from "../inspect/sizes.ts";
import { removeContainer } from "./stop.ts";

/** Removes those that do not run, one after the other; one that is started or removed meanwhile stays out of it. */
export async function pruneContainers(
  context: ContainerContext,
  {
    filters = {},
    signal,
  }: { readonly filters?: PruneFilters | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<PrunedContainers> {
  const isMeant = pruneFilter(filters);
  const removed: ContainerId[] = [];
  let freedBytes = 0;
  for (const record of context.state.containers()) {
    const labels = { ...record.imageConfig.defaults.labels, ...record.spec.labels };
    // It goes with its pod, its build or its kubelet.
    if (record.pod !== undefined || record.isBuildStep === true || realmOf(record) !== "engine") continue;
    if (isRunning(record) || !isMeant({ createdAt: record.createdAt, labels })) continue;
    signal?.throwIfAborted();
    const sizes = await findSizes(context, record, { signal });
    try {
      await removeContainer(context, record.id, {});
    } catch (thrown) {
      if (["conflict", "not-found"].includes(kindOf(thrown))) continue;
      throw thrown;
    }
    removed.push(record.id);
    freedBytes += sizes?.writtenBytes ?? 0;
  }
  const attributes = { reclaimed: String(freedBytes) };
  context.state.events.record({
    type: "container",
    action: "prune",
    actor: { id: "", attributes },
    timeNs: eventTimeNs(),
  });
  return { removed, freedBytes };
}
