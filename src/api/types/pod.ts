import type { ContainerStatus } from "./container.ts";
import type { HostConfig, PortBinding, Resources } from "./host-config.ts";
import type { NetworkingConfig } from "./network.ts";

/**
 * Body of `POST /tare/pods/create`. The fields for the network, the ports, the names and the user namespace are those
 * of a container which holds them for the pod; limits apply to all its containers together.
 */
export interface PodCreateRequest {
  readonly Name?: string | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
  /** `ipc`, `net`, `pid`, `uts`; absent: ipc, net and uts. */
  readonly Share?: readonly string[] | null | undefined;
  readonly InfraName?: string | undefined;
  readonly Hostname?: string | undefined;
  readonly MacAddress?: string | undefined;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null | undefined;
  readonly HostConfig?: HostConfig | null | undefined;
  readonly NetworkingConfig?: NetworkingConfig | null | undefined;
}

export interface PodCreateResponse {
  readonly Id: string;
  readonly Warnings: readonly string[];
}

export interface PodContainer {
  readonly Id: string;
  readonly Name: string;
  readonly State: ContainerStatus;
}

/** A pod, in the list and in `GET /tare/pods/{id}/json`; the names are podman's. */
export interface Pod {
  readonly Id: string;
  readonly Name: string;
  /** RFC 3339. */
  readonly Created: string;
  /** Running, Degraded, Exited … */
  readonly State: string;
  readonly Hostname: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly CreateInfra: true;
  readonly InfraContainerID: string;
  readonly InfraConfig: {
    readonly PortBindings: Readonly<Record<string, readonly PortBinding[]>>;
    readonly HostNetwork: boolean;
    readonly Networks: readonly string[];
    readonly HostAdd: readonly string[];
    readonly DNSServer: readonly string[];
    readonly DNSSearch: readonly string[];
    readonly DNSOption: readonly string[];
  };
  /** Of all its containers together; only what is limited. */
  readonly Limits: Resources;
  readonly SharedNamespaces: readonly string[];
  /** The infra container, too. */
  readonly NumContainers: number;
  readonly Containers: readonly PodContainer[];
}

export interface PodPruneResponse {
  readonly PodsDeleted: readonly string[];
}
