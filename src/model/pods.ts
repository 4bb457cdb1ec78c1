import type { UserNamespaceMode } from "../spec/user-namespace-mode.ts";
import type { ContainerLimits } from "./limits.ts";
import type { PortSpec } from "./networks.ts";
import type { ContainerSpec, ContainerState } from "./containers.ts";
import type { WallMs } from "./time.ts";
import type { ContainerId, ContainerReference, PodId, PodReference } from "./ids.ts";

/** Namespaces that the containers of a pod can share. */
export const podNamespaces = ["ipc", "network", "pid", "uts"] as const;
/** A namespace that containers of a pod can share. */
export type PodNamespace = (typeof podNamespaces)[number];

/**
 * What a pod is made of. Its network, its ports and its names belong to it, not to the containers in it; its limits are those of all
 * of them together.
 */
export interface PodSpec
  extends Pick<
    ContainerSpec,
    | "hostname"
    | "labels"
    | "limits"
    | "networks"
    | "ports"
    | "exposedPorts"
    | "dns"
    | "dnsSearch"
    | "dnsOptions"
    | "extraHosts"
    | "ownsHosts"
    | "restartPolicy"
    | "sysctls"
    | "shmBytes"
  > {
  /** Absent: a random one. */
  readonly name?: string;
  /** Default: ipc, network and uts. */
  readonly share?: readonly PodNamespace[];
  /** Absent: its own, with the networks of `networks`. */
  readonly network?: "none" | "host" | { readonly container: ContainerReference };
  /** The user namespace of all its containers. */
  readonly user?: UserNamespaceMode;
  /** The name of the container that holds the namespaces; absent: one of the pod's id. */
  readonly infraName?: string;
}

/**
 * As podman has them: "degraded" where some run and some do not, "exited" where all have ended, "stopped" where some
 * have and none runs.
 */
export type PodState = "created" | "running" | "degraded" | "paused" | "stopped" | "exited" | "error";

/** A container of a pod. */
export interface PodContainer {
  readonly id: ContainerId;
  readonly name: string;
  readonly state: ContainerState["status"];
}

/** A pod with its containers. */
export interface PodDetails {
  readonly id: PodId;
  readonly name: string;
  readonly createdAt: WallMs;
  readonly state: PodState;
  readonly labels: Readonly<Record<string, string>>;
  readonly share: readonly PodNamespace[];
  readonly hostname: string;
  readonly infraId: ContainerId;
  /** The infra container first, then the others in the order in which they were made. */
  readonly containers: readonly PodContainer[];
  /** Names of the networks that it is in, or the one of its mode. */
  readonly networks: readonly string[];
  readonly ports: readonly PortSpec[];
  readonly extraHosts: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** Of all its containers together. */
  readonly limits: ContainerLimits;
}

type Filters = Readonly<Record<string, readonly string[]>>;

/**
 * Use-cases of pods: groups of containers that share namespaces, which an infra container holds. A container gets into
 * one when it is made (ContainerSpec.pod). Those on all containers of a pod go on when one fails, and throw at the end.
 */
export interface Pods {
  /** Throws "conflict" for a name that a pod has already. */
  create(spec?: PodSpec): Promise<{ readonly id: PodId; readonly warnings: readonly string[] }>;
  /** Filters: id, name, label, status, network, until, ctr-ids, ctr-names, ctr-number, ctr-status. The newest first. */
  list(options?: { readonly filters?: Filters }): Promise<readonly PodDetails[]>;
  /** Describes one pod. Throws "not-found" with details.pod. */
  inspect(reference: PodReference): Promise<PodDetails>;
  /** The infra container first, then all that do not run. "conflict" where that one has ended below others that run on. */
  start(reference: PodReference): Promise<void>;
  /** All but the infra container at once, then that. Fine when none runs. */
  stop(reference: PodReference, options?: { readonly graceMs?: number }): Promise<void>;
  /** Stops all containers and starts them again. graceMs: before SIGKILL. */
  restart(reference: PodReference, options?: { readonly graceMs?: number }): Promise<void>;
  /** A signal to every container that runs; "conflict" when none does. */
  kill(reference: PodReference, options?: { readonly signal?: string }): Promise<void>;
  /** "conflict" when none runs. */
  pause(reference: PodReference): Promise<void>;
  /** "conflict" when none is paused. */
  unpause(reference: PodReference): Promise<void>;
  /** With all its containers and their anonymous volumes. "conflict" when one besides the infra container runs, unless `force`. */
  remove(reference: PodReference, options?: { readonly force?: boolean }): Promise<void>;
  /** Removes those whose containers have all ended, or ended as far as they were started. */
  prune(options?: { readonly filters?: Filters }): Promise<{ readonly removed: readonly PodId[] }>;
}
