/** Operations on containers that are measured, under the names that dockerd's metrics give them. */
export type ContainerAction = "changes" | "commit" | "create" | "delete" | "start";

/** Receives measurements of an engine's operations that succeeded. Durations are in milliseconds. */
export interface EngineMeter {
  containerAction(action: ContainerAction, ms: number): void;
  /** A container that got all its interfaces, or whose interfaces and ports are free again. */
  networkAction(action: "allocate" | "release", ms: number): void;
  /** A health check whose result counts. */
  healthCheck(result: "passed" | "failed"): void;
}
