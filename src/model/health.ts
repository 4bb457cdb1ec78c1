import type { WallMs } from "./time.ts";

/** One run of a container's health check. */
export interface HealthResult {
  readonly startedAt: WallMs;
  readonly endedAt: WallMs;
  /** The exit code of the check's program; −1: it did not end in time or could not be executed. */
  readonly code: number;
  /** The beginning of its output, or why there is none. */
  readonly output: string;
}

/** The health of a container with a health check that has been started. */
export interface ContainerHealth {
  /** "starting" until the first result that counts; "unhealthy", too, while the container does not run. */
  readonly status: "starting" | "healthy" | "unhealthy";
  /** Failed checks since the last one that succeeded. */
  readonly failingStreak: number;
  /** The last five results, oldest first. */
  readonly log: readonly HealthResult[];
}

/** What happens to a container when it becomes unhealthy. */
export type UnhealthyAction = "kill" | "restart" | "stop";
