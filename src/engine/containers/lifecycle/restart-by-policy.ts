import { decideRestart, startsWithEngine } from "../../resolve/restart-policy.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerId } from "../../../model/ids.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { exitStatusOf } from "../exit-status.ts";
import { lastRun } from "./last-run.ts";
import { PhaseClock } from "./phase-clock.ts";
import { startRequired } from "./required-containers.ts";
import { startContainer, startHeld } from "./start.ts";

const shortageDelayMs = 1_000;

/**
 * Starts a container that waits for it, if its policy is still of that mind. Never rejects: a failure is in its record.
 */
export async function restartByPolicy(context: ContainerContext, id: ContainerId): Promise<void> {
  const start = (required: ContainerId): Promise<unknown> => startContainer(context, required);
  const found = context.state.findContainer(id);
  if (found === undefined || context.closing.aborted || isRunning(found)) return;
  // Without its required containers it fails on its own, and its record contains the reason.
  await startRequired(context, id, start).catch(() => undefined);
  using _ = await context.locks.acquire(id);
  const record = context.state.findContainer(id);
  if (record === undefined || context.closing.aborted || isRunning(record)) return;
  const { state, spec } = record;
  if (
    state.status === "restarting" &&
    decideRestart(spec.lifecycle?.restartPolicy, { ...lastRun(record), restartCount: 0 }) === undefined
  ) {
    endWaiting(context, record);
    return;
  }
  if (state.status !== "restarting" && state.status !== "exited") return;
  await startHeld(context, record, { clock: new PhaseClock(), byPolicy: true }).catch(() => undefined);
  // A start whose failure could not even be recorded (a full disk) has scheduled nothing.
  if (context.state.findContainer(id)?.state.status === "restarting" && !context.restarts.isWaiting(id))
    context.restarts.schedule(id, Math.max(record.restartDelayMs ?? 0, shortageDelayMs));
}

/** Its last end is its end for good. The lock is held. */
export function endWaiting(context: ContainerContext, record: ContainerRecord): void {
  const { state } = record;
  if (state.status !== "restarting") return;
  const ended: ContainerRecord = { ...record, state: { ...state, status: "exited" } };
  context.restarts.cancel(record.id);
  context.state.putContainer(ended);
  context.waiters.wake(record.id, "exit", exitStatusOf(ended));
}

/** A person ends it: its policy starts it no more. The lock is held. Returns the record as it is now. */
export function markStopped(context: ContainerContext, record: ContainerRecord): ContainerRecord {
  if ((record.spec.lifecycle?.restartPolicy?.name ?? "no") === "no" || record.stoppedByHand === true)
    return record;
  const marked: ContainerRecord = { ...record, stoppedByHand: true };
  context.state.putContainer(marked);
  return marked;
}

/** After the engine was away: what waited goes on waiting, what always runs is started. */
export function resumeRestarts(context: ContainerContext): void {
  for (const record of context.state.containers()) {
    const { id, state, spec, restartDelayMs = 0, stoppedByHand = false } = record;
    if (state.status === "restarting") {
      context.restarts.schedule(id, Math.max(0, state.finishedAt + restartDelayMs - Date.now()));
    } else if (
      state.status === "exited" &&
      record.starts.length > 0 &&
      startsWithEngine(spec.lifecycle?.restartPolicy, { stoppedByHand })
    ) {
      context.restarts.schedule(id, 0);
    }
  }
}
