import { planCgroupChange } from "../../linux/cgroup-change.ts";
import { Failure } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { planUpdatedLimits } from "../planning/updated-limits.ts";
import type { Intent } from "../state/records.ts";
import type { ContainerReference, ContainerLimits } from "../types.ts";
import { type ContainerContext, isRunning } from "./context.ts";
import { containerEvent } from "./describe-event.ts";
import { getContainer } from "./find-container.ts";

/** Takes back what a killed engine may have changed before it was in the record. */
export function undoUpdate(context: ContainerContext, intent: Extract<Intent, { kind: "update" }>): void {
  const record = context.state.findContainer(intent.containerId);
  if (record === undefined || !isRunning(record)) return;
  const { cgroups } = context.parts;
  const back = planCgroupChange(intent.limits, record.spec.limits ?? {}, cgroups.layout);
  cgroups.open(record.id).change(back);
}

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
  const updated = { ...record, spec: { ...record.spec, limits } };
  const events = [containerEvent(record, "update")];
  if (!isRunning(record)) {
    context.state.putContainer(updated, { events });
    return { warnings: change.warnings };
  }
  const intent = context.state.beginIntent({ kind: "update", containerId: id, limits });
  fault("update.intended");
  let undo: (() => void) | undefined;
  try {
    undo = cgroups.open(id).change(change);
    fault("update.applied");
    context.state.putContainer(updated, { ends: intent, events });
    fault("update.recorded");
  } catch (thrown) {
    undo?.();
    context.state.endIntent(intent);
    throw thrown;
  }
  return { warnings: change.warnings };
}
