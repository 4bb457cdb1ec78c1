import { defined } from "../../../base/defined.ts";
import { planCgroupChange } from "../../../linux/cgroup/change.ts";
import { Failure } from "../../../base/failure.ts";
import { fault } from "../../../base/fault.ts";
import { hasLimits } from "../../resolve/cgroup-mode.ts";
import { cannotUpdate, resolveUpdatedLimits } from "../../resolve/updated-limits.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import type { CgroupLimits, ContainerLimits } from "../../../model/limits.ts";
import { mergeSpec } from "../../../model/merge-spec.ts";
import type { ContainerUpdate } from "../../../model/updates.ts";
import { checkRestartPolicy } from "../../resolve/restart-policy.ts";
import { cgroupLimitsOf } from "../../resolve/block-devices.ts";
import type { Intent } from "../../state/records.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { changePorts } from "../../networks/publish.ts";
import { findUnreached } from "../../networks/unreached-ports.ts";
import { containerEvent } from "../../describe-event.ts";
import { getContainer } from "../../find-container.ts";
import { mayRunOut, watchMemory } from "../resources/out-of-memory.ts";

/** Takes back what a killed engine may have changed before it was in the record. */
export function undoUpdate(context: ContainerContext, intent: Extract<Intent, { kind: "update" }>): void {
  const record = context.state.findContainer(intent.containerId);
  if (record === undefined || !isRunning(record)) return;
  const { cgroups } = context.dependencies;
  const back = planCgroupChange(
    numbersOf(context, intent.limits),
    numbersOf(context, record.spec.resources?.limits ?? {}),
    cgroups.layout,
  );
  cgroups.open(record.id).change(back);
}

/** New limits for a container; a running one is under them when this returns. All of them or none. */
export async function updateContainer(
  context: ContainerContext,
  reference: ContainerReference,
  changes: ContainerUpdate,
): Promise<{ readonly warnings: readonly string[] }> {
  const { id } = getContainer(context.state, reference);
  using _ = await context.locks.acquire(id);
  const record = getContainer(context.state, id);
  if (record.state.status === "removing" || record.state.status === "dead") {
    throw cannotUpdate(id, 'Container is marked for removal and cannot be "update".');
  }
  const { restartPolicy, publishAdd, publishRemove, ...limitChanges } = changes;
  const asked: ContainerLimits = defined(limitChanges);
  if (
    restartPolicy !== undefined &&
    restartPolicy.name !== "no" &&
    record.spec.lifecycle?.autoRemove === true
  ) {
    throw cannotUpdate(
      id,
      "Restart policy cannot be updated because AutoRemove is enabled for the container",
    );
  }
  const before = record.spec.resources?.limits ?? {};
  const limits = resolveUpdatedLimits(before, asked, { id });
  const { cgroups } = context.dependencies;
  if (asked.blockIo !== undefined)
    cgroupLimitsOf({ blockIo: asked.blockIo }, context.dependencies.host.findBlockDevice);
  if (record.spec.resources?.cgroups === "disabled" && hasLimits(limits))
    throw new Failure("invalid", `cannot limit container "${record.name}": it has no cgroup`);
  const change = planCgroupChange(numbersOf(context, before), numbersOf(context, limits), cgroups.layout);
  const published = await changePorts(context, record, {
    add: publishAdd,
    remove: publishRemove,
  });
  const unreached = findUnreached(context, { ports: publishAdd ?? [], endpoints: record.endpoints ?? [] });
  const warnings = [...change.warnings, ...unreached];
  const updated = {
    ...published.record,
    spec: mergeSpec(published.record.spec, { resources: { limits }, lifecycle: { restartPolicy } }),
  };
  checkRestartPolicy(updated.spec);
  const events = [containerEvent(record, "update")];
  if (!isRunning(record)) {
    context.state.putContainer(updated, { events });
    return { warnings };
  }
  if (Object.keys(asked).length === 0) {
    // Nothing of its cgroup.
    try {
      context.state.putContainer(updated, { events });
    } catch (thrown) {
      await published.undo().catch(() => undefined);
      throw thrown;
    }
    fault("publish.recorded");
    return { warnings };
  }
  const intent = context.state.beginIntent({ kind: "update", containerId: id, limits });
  fault("update.intended");
  let undo: (() => void) | undefined;
  try {
    undo = record.spec.resources?.cgroups === "disabled" ? () => undefined : cgroups.open(id).change(change);
    fault("update.applied");
    context.state.putContainer(updated, { ends: intent, events });
    fault("update.recorded");
  } catch (thrown) {
    undo?.();
    await published.undo().catch(() => undefined);
    context.state.endIntent(intent);
    throw thrown;
  }
  const kept = context.live.get(id)?.kept;
  if (kept !== undefined && !mayRunOut(record)) watchMemory(context, updated, kept);
  return { warnings };
}

/** Without block devices that are gone by now: nothing can be changed of them. */
function numbersOf(context: ContainerContext, { blockIo, ...others }: ContainerLimits): CgroupLimits {
  const find = context.dependencies.host.findBlockDevice;
  if (blockIo === undefined) return others;
  const devices = (blockIo.devices ?? []).filter(({ path }) => {
    try {
      find(path);
      return true;
    } catch {
      return false;
    }
  });
  return cgroupLimitsOf({ ...others, blockIo: { ...blockIo, devices } }, find);
}
