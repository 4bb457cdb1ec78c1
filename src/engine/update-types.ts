import type { ContainerLimits } from "./limit-types.ts";
import type { RestartPolicy } from "./restart-types.ts";

/** Limits, and what else of a container can be changed. */
export interface ContainerUpdate extends ContainerLimits {
  readonly restartPolicy?: RestartPolicy;
}
