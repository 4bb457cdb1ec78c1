import type { PodState } from "../../model/pods.ts";
import type { ContainerState } from "../../model/container-state.ts";

/** The state of a pod, from those of all its containers: podman's rules. */
export function podStateOf(states: readonly ContainerState["status"][]): PodState {
  const count = (wanted: (status: ContainerState["status"]) => boolean): number =>
    states.filter(wanted).length;
  const running = count((status) => status === "running");
  const paused = count((status) => status === "paused");
  const ended = count((status) => status === "exited" || status === "restarting");
  const broken = count((status) => status === "dead" || status === "removing");
  if (states.length === 0) return "created";
  if (running === states.length) return "running";
  if (running > 0) return "degraded";
  if (paused === states.length) return "paused";
  if (ended === states.length) return "exited";
  if (ended > 0) return "stopped";
  return broken > 0 ? "error" : paused > 0 ? "degraded" : "created";
}
