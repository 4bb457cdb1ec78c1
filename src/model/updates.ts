import type { ContainerLimits } from "./limits.ts";
import type { PortSpec } from "./networks.ts";
import type { RestartPolicy } from "./restarts.ts";

/** Limits, and what else of a container can be changed. */
export interface ContainerUpdate extends ContainerLimits {
  readonly restartPolicy?: RestartPolicy | undefined;
  /** More ports that are published; of a running container at once. */
  readonly publishAdd?: readonly PortSpec[] | undefined;
  /** Published ports to remove: by the host's port, and its address if it is given. */
  readonly publishRemove?: readonly PortRemoval[] | undefined;
}

/** A published port to remove. */
export interface PortRemoval {
  readonly hostPort: number;
  /** Default 1. */
  readonly count?: number | undefined;
  /** Absent: of every protocol. */
  readonly protocol?: "tcp" | "udp" | "sctp" | undefined;
  /** Absent: on every address. */
  readonly hostAddress?: string | undefined;
}
