import { planCgroupChange } from "../../linux/cgroup-change.ts";
import { Failure } from "../../base/failure.ts";
import { planUpdatedLimits } from "../planning/updated-limits.ts";
import type { ContainerReference, ContainerLimits } from "../types.ts";
import { type ContainerContext, isRunning } from "./context.ts";
import { containerEvent } from "./describe-event.ts";
import { getContainer } from "./find-container.ts";

/** New limits for a container; a running one is under them when this returns. All of them or none. */
export async function updateContainer(
  context: ContainerContext,
  reference: ContainerReference,
  asked: ContainerLimits,
): Promise<{ readonly warnings: readonly string[] }> {
  const { id } = getContainer(context.state, reference);
  using _ = await context.locks.acquire(id);
  const record = getContainer(context.state, id);
  if (record.state.status === "removing" || record.state.status === "dead") {
    throw new Failure("conflict", `cannot update container "${record.name}": it is being removed`);
  }
  const before = record.spec.limits ?? {};
  const limits = planUpdatedLimits(before, asked);
  const { cgroups } = context.parts;
  const change = planCgroupChange(before, limits, cgroups.layout);
  const undo = isRunning(record) ? cgroups.open(id).change(change) : undefined;
  try {
    const updated = { ...record, spec: { ...record.spec, limits } };
    context.state.putContainer(updated, { events: [containerEvent(record, "update")] });
  } catch (thrown) {
    undo?.();
    throw thrown;
  }
  return { warnings: change.warnings };
}
