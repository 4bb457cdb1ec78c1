import { sentenceOf } from "../../../base/failure.ts";
import type { KeptProcess } from "../../../runtime/types.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerId } from "../../../model/ids.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";

/**
 * From when it runs, an end of its memory is an event at once, and not only when it ends. Asked for after the answer to
 * the start; what happens before is found by the first look.
 */
export function watchMemory(
  context: ContainerContext,
  { id, spec }: ContainerRecord,
  kept: KeptProcess,
): void {
  const mayRunOut =
    (spec.resources?.limits?.memoryBytes ?? 0) > 0 || spec.resources?.cgroupParent !== undefined;
  if (!mayRunOut) return;
  const listener = (): void => void noteOom(context, { id, kept });
  context.dependencies.cgroups.watchOom(id, listener).catch((thrown: unknown) => {
    context.background.note(id, `cannot monitor its memory: ${sentenceOf(thrown)}`);
  });
}

/** Whether there is a limit that it can run into, of its own or above. */
export function mayRunOut({ spec }: ContainerRecord): boolean {
  return (spec.resources?.limits?.memoryBytes ?? 0) > 0 || spec.resources?.cgroupParent !== undefined;
}

async function noteOom(
  context: ContainerContext,
  { id, kept }: { readonly id: ContainerId; readonly kept: KeptProcess },
): Promise<void> {
  using _ = await context.locks.acquire(id);
  const record = context.state.findContainer(id);
  const isStill = record !== undefined && isRunning(record) && context.live.get(id)?.kept === kept;
  if (!isStill || context.closing.aborted) return;
  const { state } = record;
  if (state.status !== "running" && state.status !== "paused") return;
  const kills = context.dependencies.cgroups.open(id).oomKills();
  // The first check may precede the kernel's choice of a process to kill.
  if (kills <= (state.oomKills ?? 0)) return;
  try {
    context.state.putContainer(
      { ...record, state: { ...state, oomKills: kills } },
      { events: [containerEvent(record, "oom")] },
    );
  } catch (thrown) {
    context.background.note(id, `an end of its memory cannot be recorded: ${sentenceOf(thrown)}`);
  }
}
