import type { PodId } from "./ids.ts";

/** The pod of a container, as the container's description reports it. */
export interface PodMembership {
  readonly id: PodId;
  readonly name: string;
  /** It holds the namespaces of the pod. */
  readonly isInfra: boolean;
}
