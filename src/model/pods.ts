import type { UserNamespaceMode } from "../spec/user-namespace-mode.ts";
import type { ContainerState } from "./container-state.ts";
import type { CriSandboxSettings } from "./cri.ts";
import type { ContainerId, ContainerReference, PodId, PodReference } from "./ids.ts";
import type { ContainerLimits } from "./limits.ts";
import type { EndpointSpec, PortSpec } from "./networks.ts";
import type { RestartPolicy } from "./restarts.ts";
import type { WallMs } from "./time.ts";

/** Namespaces that the containers of a pod can share. */
export const podNamespaces = ["ipc", "network", "pid", "uts"] as const;
/** A namespace that containers of a pod can share. */
export type PodNamespace = (typeof podNamespaces)[number];

/**
 * Configuration of a pod. Its network, ports and names belong to the pod, not to the containers in it; its limits apply
 * to all of them together.
 */
export interface PodSpec {
  /** Absent: a random name. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Present: a sandbox of the CRI; see ContainerSpec.cri. */
  readonly cri?: CriSandboxSettings | undefined;
  /** Parent cgroup of the container that holds the namespaces; see ContainerResources.cgroupParent. */
  readonly cgroupParent?: string | undefined;
  /** Default: ipc, network and uts. */
  readonly share?: readonly string[] | undefined;
  /** Name of the container that holds the namespaces; absent: derived from the pod's id. */
  readonly infraName?: string | undefined;
  readonly hostname?: string | undefined;
  /** Absent: a network namespace of its own, connected to `networks`. */
  readonly network?: "none" | "host" | { readonly container: ContainerReference } | undefined;
  readonly networks?: readonly EndpointSpec[] | undefined;
  readonly ports?: readonly PortSpec[] | undefined;
  /** `80/tcp`, `8000-8010/udp`. */
  readonly exposedPorts?: readonly string[] | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly dnsSearch?: readonly string[] | undefined;
  readonly dnsOptions?: readonly string[] | undefined;
  /** `name:address`, as of a container. */
  readonly extraHosts?: readonly string[] | undefined;
  /** True: /etc/hosts comes from the image. */
  readonly ownsHosts?: boolean | undefined;
  /** The user namespace of all its containers. */
  readonly user?: UserNamespaceMode | undefined;
  /** Kernel parameters of the shared namespaces. */
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  readonly shmBytes?: number | undefined;
  readonly limits?: ContainerLimits | undefined;
  readonly restartPolicy?: RestartPolicy | undefined;
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
  list(options?: { readonly filters?: Filters | undefined }): Promise<readonly PodDetails[]>;
  /** Describes one pod. Throws "not-found" with details.pod. */
  inspect(reference: PodReference): Promise<PodDetails>;
  /**
   * The infra container first, then all that do not run. "conflict" where that one has ended below others that run on.
   */
  start(reference: PodReference): Promise<void>;
  /** All but the infra container at once, then that. Fine when none runs. */
  stop(reference: PodReference, options?: { readonly graceMs?: number | undefined }): Promise<void>;
  /** Stops all containers and starts them again. graceMs: before SIGKILL. */
  restart(reference: PodReference, options?: { readonly graceMs?: number | undefined }): Promise<void>;
  /** A signal to every container that runs; "conflict" when none does. */
  kill(reference: PodReference, options?: { readonly signal?: string | undefined }): Promise<void>;
  /** "conflict" when none runs. */
  pause(reference: PodReference): Promise<void>;
  /** "conflict" when none is paused. */
  unpause(reference: PodReference): Promise<void>;
  /**
   * With all its containers and their anonymous volumes. "conflict" when one besides the infra container runs, unless
   * `force`.
   */
  remove(reference: PodReference, options?: { readonly force?: boolean | undefined }): Promise<void>;
  /** Removes those whose containers have all ended, or ended as far as they were started. */
  prune(options?: {
    readonly filters?: Filters | undefined;
  }): Promise<{ readonly removed: readonly PodId[] }>;
}
