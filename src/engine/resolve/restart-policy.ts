import { Failure } from "../../base/failure.ts";
import type { RestartPolicy } from "../../model/restarts.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { refuse } from "./refusal.ts";

const firstDelayMs = 100;
const longestDelayMs = 60_000;
/** A run of this length was a good one: the delays begin anew. */
const goodRunMs = 10_000;

export interface EndedRun {
  readonly code: number;
  readonly ranMs: number;
  /** Restarts since the container was started by hand. */
  readonly restartCount: number;
  /** Before the run that ended; absent: it was started by hand. */
  readonly delayMs?: number | undefined;
  readonly stoppedByHand: boolean;
}

/** How long to wait before the next run; undefined: it stays ended. */
export function decideRestart(policy: RestartPolicy | undefined, run: EndedRun): number | undefined {
  if (run.stoppedByHand || !wantsRestart(policy, run)) return undefined;
  if (run.delayMs === undefined || run.ranMs >= goodRunMs) return firstDelayMs;
  return Math.min(Math.max(run.delayMs, firstDelayMs) * 2, longestDelayMs);
}

/** Whether an ended container is started when the engine is opened. */
export function startsWithEngine(
  policy: RestartPolicy | undefined,
  { stoppedByHand }: { readonly stoppedByHand: boolean },
): boolean {
  return policy?.name === "always" || (policy?.name === "unless-stopped" && !stoppedByHand);
}

function wantsRestart(policy: RestartPolicy | undefined, { code, restartCount }: EndedRun): boolean {
  if (policy === undefined) return false;
  switch (policy.name) {
    case "no":
      return false;
    case "always":
    case "unless-stopped":
      return true;
    case "on-failure":
      return code !== 0 && restartCount < (policy.maximumRetries || Number.POSITIVE_INFINITY);
    default:
      return policy.name satisfies never;
  }
}

/** Throws "invalid" for a policy that contradicts what else was asked for. */
export function checkRestartPolicy({
  lifecycle: { restartPolicy, autoRemove, lifetime } = {},
}: ContainerSpec): void {
  if (restartPolicy === undefined || restartPolicy.name === "no") return;
  const { name, maximumRetries = 0 } = restartPolicy;
  if (!Number.isSafeInteger(maximumRetries) || maximumRetries < 0) {
    throw refuse("invalid restart policy: maximum retry count cannot be negative");
  }
  if (maximumRetries > 0 && name !== "on-failure") {
    throw refuse("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  if (autoRemove === true) {
    throw new Failure("invalid", "can't create 'AutoRemove' container with restart policy");
  }
  if (lifetime === "process")
    throw refuse('a lifetime of "process" and a restart policy contradict each other');
}
