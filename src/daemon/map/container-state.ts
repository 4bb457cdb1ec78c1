import type * as api from "../../api/types/container.ts";
import { formatHumanDuration } from "../../base/duration.ts";
import { formatRfc3339 } from "../../base/timestamp.ts";
import type { ContainerHealth } from "../../model/health.ts";
import type { ContainerSummary } from "../../model/containers.ts";
import type { ContainerState } from "../../model/container-state.ts";
import type { WallMs } from "../../model/time.ts";

/** The zero time in Go's JSON. */
const never = "0001-01-01T00:00:00Z";

export function timeText(ms: WallMs | undefined): string {
  return ms === undefined ? never : formatRfc3339(BigInt(Math.round(ms * 1000)) * 1000n);
}

/** `State` of inspect. */
export function stateOf(state: ContainerState, health: ContainerHealth | undefined): api.ContainerState {
  const isLive = state.status === "running" || state.status === "paused";
  const hasEnded = state.status === "exited" || state.status === "restarting";
  return {
    Status: state.status,
    Running: isLive || state.status === "restarting",
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: hasEnded ? state.oomKilled : isLive && (state.oomKills ?? 0) > 0,
    Dead: state.status === "dead",
    Pid: isLive ? state.pid : 0,
    ExitCode: hasEnded ? state.code : 0,
    Error: hasEnded || state.status === "dead" ? (state.error ?? "") : "",
    StartedAt: timeText("startedAt" in state ? state.startedAt : undefined),
    FinishedAt: timeText(hasEnded ? state.finishedAt : undefined),
    Health: health && healthOf(health),
  };
}

/** `State.Health` of inspect. */
export function healthOf({ status, failingStreak, log }: ContainerHealth): api.Health {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ startedAt, endedAt, code, output }) => ({
      Start: timeText(startedAt),
      End: timeText(endedAt),
      ExitCode: code,
      Output: output,
    })),
  };
}

/** The words of `ps`: `Up 2 minutes`, `Exited (0) 3 hours ago`. */
export function statusText(
  { state, health }: Pick<ContainerSummary, "state" | "health">,
  nowMs: WallMs,
): string {
  switch (state.status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${formatHumanDuration(nowMs - state.startedAt)}${healthText(health)}`;
    case "paused":
      return `Up ${formatHumanDuration(nowMs - state.startedAt)} (Paused)`;
    case "exited":
      return `Exited (${state.code}) ${formatHumanDuration(nowMs - state.finishedAt)} ago`;
    case "restarting":
      return `Restarting (${state.code}) ${formatHumanDuration(nowMs - state.finishedAt)} ago`;
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
    default:
      return state satisfies never;
  }
}

function healthText(health: ContainerHealth | undefined): string {
  if (health === undefined) return "";
  return health.status === "starting" ? " (health: starting)" : ` (${health.status})`;
}
