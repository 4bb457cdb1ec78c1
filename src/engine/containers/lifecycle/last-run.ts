import type { EndedRun } from "../../resolve/restart-policy.ts";
import type { ContainerRecord } from "../../state/records.ts";

/** The last run, as the restart policy needs it. */
export function lastRun(record: ContainerRecord): EndedRun {
  const { state, restartCount, restartDelayMs, stoppedByHand = false } = record;
  const hasEnded = state.status === "exited" || state.status === "restarting";
  return {
    code: hasEnded ? state.code : 0,
    ranMs: hasEnded ? Math.max(0, state.finishedAt - (state.startedAt ?? state.finishedAt)) : 0,
    restartCount,
    delayMs: restartDelayMs,
    stoppedByHand,
  };
}
