import type { ContainerConfig } from "./container-config.ts";
import type { HostConfig } from "./host-config.ts";
import type { EndpointSettings, NetworkingConfig, NetworkSettings } from "./network.ts";
import type { PodMembership } from "./pod-membership.ts";

/** Body of `POST /containers/create`. */
export interface ContainerCreateRequest extends ContainerConfig {
  readonly HostConfig?: HostConfig | null | undefined;
  readonly NetworkingConfig?: NetworkingConfig | null | undefined;
}

export interface ContainerCreateResponse {
  readonly Id: string;
  readonly Warnings: readonly string[];
}

export type ContainerStatus =
  | "created"
  | "running"
  | "paused"
  | "restarting"
  | "removing"
  | "exited"
  | "dead";

/** One row of `GET /containers/json`. */
export interface ContainerSummary {
  readonly Id: string;
  /** Each with a leading slash. */
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly Ports: readonly Port[];
  readonly SizeRw?: number | undefined;
  readonly SizeRootFs?: number | undefined;
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: ContainerStatus;
  /** For a person: `Up 2 minutes`, `Exited (0) 3 hours ago`. */
  readonly Status: string;
  readonly HostConfig: {
    readonly NetworkMode: string;
    /** Since 1.46. */
    readonly Annotations?: Readonly<Record<string, string>> | undefined;
  };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, EndpointSettings>> };
  readonly Mounts: readonly MountPoint[];
  /** Since 1.52. */
  readonly Health?: (Pick<Health, "FailingStreak"> & { readonly Status: HealthStatus }) | undefined;
  /** Ours: of a container in a pod. */
  readonly Tare?: { readonly Pod: PodMembership } | undefined;
}

export interface Port {
  readonly IP?: string | undefined;
  readonly PrivatePort: number;
  readonly PublicPort?: number | undefined;
  readonly Type: "tcp" | "udp" | "sctp";
}

export interface MountPoint {
  readonly Type: "bind" | "volume" | "tmpfs" | "image";
  readonly Name?: string | undefined;
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string | undefined;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

export interface ContainerState {
  readonly Status: ContainerStatus;
  readonly Running: boolean;
  readonly Paused: boolean;
  readonly Restarting: boolean;
  readonly OOMKilled: boolean;
  readonly Dead: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly Error: string;
  /** RFC 3339; `0001-01-01T00:00:00Z` for never. */
  readonly StartedAt: string;
  readonly FinishedAt: string;
  /** Of a container with a health check, since its first start. */
  readonly Health?: Health | undefined;
}

export type HealthStatus = "none" | "starting" | "healthy" | "unhealthy";

/** What a container's health check has found. */
export interface Health {
  readonly Status: HealthStatus;
  readonly FailingStreak: number;
  /** The last five, oldest first. */
  readonly Log: readonly HealthcheckResult[];
}

export interface HealthcheckResult {
  /** RFC 3339. */
  readonly Start: string;
  readonly End: string;
  readonly ExitCode: number;
  readonly Output: string;
}

/** `GET /containers/{id}/json`. */
export interface ContainerInspect {
  readonly Id: string;
  readonly Created: string;
  readonly Path: string;
  readonly Args: readonly string[];
  readonly State: ContainerState;
  /** Id of the image. */
  readonly Image: string;
  readonly ResolvConfPath: string;
  readonly HostnamePath: string;
  readonly HostsPath: string;
  readonly LogPath: string;
  /** With a leading slash. */
  readonly Name: string;
  readonly RestartCount: number;
  readonly Driver: string;
  readonly Platform: string;
  readonly MountLabel: string;
  readonly ProcessLabel: string;
  readonly AppArmorProfile: string;
  readonly ExecIDs: readonly string[] | null;
  readonly HostConfig: HostConfig;
  readonly GraphDriver: { readonly Name: string; readonly Data: Readonly<Record<string, string>> | null };
  readonly SizeRw?: number | undefined;
  readonly SizeRootFs?: number | undefined;
  readonly Mounts: readonly MountPoint[];
  readonly Config: ContainerConfig;
  readonly NetworkSettings: NetworkSettings;
  /** Extension: the settings that the kernel received, where Docker has no field. */
  readonly Tare?: ContainerTareDetails | undefined;
}

export interface ContainerTareDetails {
  readonly Cgroup: string;
  /** Of a container in a pod. */
  readonly Pod?: PodMembership | undefined;
  readonly Capabilities: readonly string[];
  /** `CONTAINER:HOST:SIZE` each; with a user namespace. */
  readonly UidMap?: readonly string[] | undefined;
  readonly GidMap?: readonly string[] | undefined;
  readonly Timing?: StartTiming | undefined;
  /** Of the last run, with the security option `explain-denials`. */
  readonly Denials?: readonly Denial[] | undefined;
  /** The number of calls that the record had no free slot for; absent for none. */
  readonly UnrecordedCalls?: number | undefined;
  /** The text of a seccomp profile in Docker's format, with `HostConfig.Tare.RecordCalls`. */
  readonly RecordedProfile?: string | undefined;
  /** With a log driver that sends the log to a receiver. */
  readonly LogForwarding?: LogForwarding | undefined;
}

/** How a container's log gets to the receiver of its log driver. */
export interface LogForwarding {
  readonly Driver: string;
  /** `tcp://host:514`; "" for the journal or syslog of the host. */
  readonly Receiver: string;
  readonly Connected: boolean;
  /** Messages. */
  readonly Sent: number;
  /** Bytes of the log that wait to be sent. */
  readonly PendingBytes: number;
  /** Bytes of the log that were rotated away or given up before they were sent; whole files count with their limit. */
  readonly DroppedBytes: number;
  /** The last failure since the daemon was started; "" for none. */
  readonly LastError: string;
  /** RFC 3339. */
  readonly LastErrorAt?: string | undefined;
}

/** A kind of call that a container was refused. */
export interface Denial {
  readonly Call: string;
  readonly Architecture: string;
  /** Hexadecimal, of the first. */
  readonly Args: readonly string[];
  readonly Text?: string | undefined;
  /** `EPERM`; absent when the kernel was let decide. */
  readonly Error?: string | undefined;
  readonly By: string;
  readonly Advice: string;
  readonly Count: number;
  /** RFC 3339. */
  readonly FirstAt: string;
  readonly LastAt: string;
  readonly Pid: number;
  readonly ExecID?: string | undefined;
}

/** Where the time of a start went, in milliseconds. */
export interface StartTiming {
  readonly TotalMs: number;
  readonly Phases: readonly { readonly Name: string; readonly Ms: number }[];
}

export interface ContainerWaitResponse {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string } | null | undefined;
}

/**
 * The events of a container that one request creates and runs, in this order; an extension. Timing is null when another
 * client has started the container.
 */
export type RunEvent =
  | ContainerCreateResponse
  | { readonly Timing: StartTiming | null }
  | RunInput
  | { readonly Failure: RunFailure }
  | ContainerWaitResponse
  | RunStatus;

/**
 * For the launcher: its standard input is wanted, on the same connection; and the program has a terminal, which gets
 * the size of the launcher's at this path.
 */
export interface RunInput {
  readonly Input?: true | undefined;
  readonly Resize?: string | undefined;
}

/** An error reply, in the middle of a stream. */
export interface RunFailure {
  readonly Status: number;
  readonly Kind: string;
  /** JSON, as in the header of an error reply. */
  readonly Details?: string | undefined;
  readonly Body: string;
}

/** Replaces the end or the failure: the exit status of `tare run`, for a client that has received its text, too. */
export interface RunStatus {
  readonly ExitStatus: number;
}

/** Kind: 0 modified, 1 added, 2 deleted. */
export interface ContainerChange {
  readonly Path: string;
  readonly Kind: 0 | 1 | 2;
}

export interface ContainerTopResponse {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}
