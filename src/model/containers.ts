import type { CommitSettings } from "./commits.ts";
import type { ContainerSizes } from "./container-sizes.ts";
import type { ContainerSpec } from "./container-spec.ts";
import type { ContainerState, ExitStatus, StartTiming } from "./container-state.ts";
import type { TracedCallDetails } from "./denials.ts";
import type { DescriptorOptions } from "./descriptors.ts";
import type { ExecDetails, ExecSpec } from "./execs.ts";
import type { ContainerChange, CopiedPath, CopyIntoOptions, PathStat } from "./files.ts";
import type { ContainerHealth } from "./health.ts";
import type { ContainerId, ContainerReference } from "./ids.ts";
import type { LogAttributes, LogEntry, LogForwardingStatus, LogOptions } from "./logs.ts";
import type { ContainerMount } from "./mounts.ts";
import type { BoundPorts, EndpointDetails } from "./networks.ts";
import type { PodMembership } from "./pod-membership.ts";
import type { PruneFilters, PrunedContainers } from "./prune.ts";
import type { ContainerStatistics, StatisticsOptions } from "./statistics.ts";
import type { AttachOptions, AttachedStream, TerminalSize } from "./streams.ts";
import type { WallMs } from "./time.ts";
import type { ContainerUpdate } from "./updates.ts";
import type { IdMaps } from "../spec/id-map.ts";
import type { ImageConfig } from "../spec/image/config.ts";

/** A container as a list shows it. */
export interface ContainerSummary {
  readonly id: ContainerId;
  readonly name: string;
  /** Other names, by links of the default bridge: `web/db` when container web has linked it as db. */
  readonly linkNames?: readonly string[] | undefined;
  readonly image: string;
  readonly imageId: string;
  readonly command: readonly string[];
  readonly createdAt: WallMs;
  readonly state: ContainerState;
  /** Absent: it has no health check, or was never started. */
  readonly health?: ContainerHealth | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly networkMode: string;
  readonly endpoints: readonly EndpointDetails[];
  /** Published at the moment. */
  readonly ports: readonly BoundPorts[];
  /** Ports that it and its image name. */
  readonly exposedPorts: readonly string[];
  /** Where it was asked for. */
  readonly sizes?: ContainerSizes | undefined;
  readonly mounts: readonly ContainerMount[];
  /** The pod that it is in, or that it holds. */
  readonly pod?: PodMembership | undefined;
}

export interface ContainerDetails extends ContainerSummary, TracedCallDetails {
  readonly spec: ContainerSpec;
  /** Those of the default bridge: `/db:/web/database`. */
  readonly links?: readonly string[] | undefined;
  readonly restartCount: number;
  /** The resolved process: what was or will be executed. */
  readonly process: {
    readonly path: string;
    /** Without the path. */
    readonly args: readonly string[];
    readonly env: readonly string[];
    readonly workingDirectory: string;
    readonly user: string;
  };
  readonly imageConfig: ImageConfig;
  readonly effective: {
    readonly hostname: string;
    readonly domainname: string;
    readonly capabilities: readonly string[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly stopSignal: string;
    readonly cgroup: string;
    readonly appArmorProfile?: string | undefined;
    /** Of its user namespace. */
    readonly idMaps?: IdMaps | undefined;
  };
  readonly files: {
    readonly log: string;
    readonly hosts: string;
    readonly hostname: string;
    readonly resolvConf: string;
  };
  readonly storage: { readonly driver: string; readonly data: Readonly<Record<string, string>> };
  /** Of a log driver that sends the log to a receiver. */
  readonly logForwarding?: LogForwardingStatus | undefined;
  /** Of the entries of its log. */
  readonly logAttributes?: LogAttributes | undefined;
  readonly execIds: readonly string[];
  readonly lastTiming?: StartTiming | undefined;
}

/** Processes of a container: a row each, a cell a title. */
export interface ProcessTable {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

/** Which containers a list contains. */
export interface ContainerFilter {
  /** Stopped ones too. */
  readonly all?: boolean | undefined;
  readonly limit?: number | undefined;
  /** Docker's filters: id, name, label, status, exited, ancestor, before, since, volume, network … */
  readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Measure each one's files, which takes time. */
  readonly size?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Options of the creation that are not settings of the container. */
export interface CreateOptions {
  /** The caller starts it right away: what the start makes anyway is left to it. */
  readonly startsNext?: boolean | undefined;
}

/** Use-cases of containers. Failures: not-found, conflict, invalid and what the layers below throw. */
export interface Containers {
  /**
   * Creates a container that does not run. Throws "not-found" with details.image; "conflict" with details.name and
   * details.id for a name in use; "invalid".
   */
  create(
    spec: ContainerSpec,
    options?: CreateOptions,
  ): Promise<{ readonly id: ContainerId; readonly warnings: readonly string[] }>;
  /**
   * Idempotent? No: "conflict" with details.alreadyRunning when it runs. A start that fails leaves it exited with the
   * reason.
   */
  start(reference: ContainerReference, options?: DescriptorOptions): Promise<StartTiming>;
  /** Stop signal, then after the grace KILL. Fine when it does not run (returns false). */
  stop(
    reference: ContainerReference,
    options?: { readonly signal?: string | undefined; readonly graceMs?: number | undefined },
  ): Promise<boolean>;
  /** Sends a signal, SIGKILL by default. Throws "not-found"; "conflict" if it does not run. */
  kill(reference: ContainerReference, options?: { readonly signal?: string | undefined }): Promise<void>;
  /** Stops the container if it runs, and starts it. graceMs: before SIGKILL. Fails like start(). */
  restart(
    reference: ContainerReference,
    options?: { readonly signal?: string | undefined; readonly graceMs?: number | undefined },
  ): Promise<void>;
  /** With `volumes` its anonymous volumes go, too, unless another container has them. */
  remove(
    reference: ContainerReference,
    options?: {
      readonly force?: boolean | undefined;
      readonly volumes?: boolean | undefined;
      /** Remove only the link that the reference names: `web/db`. */
      readonly link?: boolean | undefined;
    },
  ): Promise<void>;
  /** Waits for the end of the container. Throws "not-found", "canceled". */
  wait(
    reference: ContainerReference,
    options?: {
      readonly until?: "not-running" | "next-exit" | "removed" | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<ExitStatus>;
  /** Renames the container. Throws "conflict" with details.name and details.id for a name in use. */
  rename(reference: ContainerReference, name: string): Promise<void>;
  /** Stops every process of it where it is, until unpause(). "conflict" when it does not run or is paused already. */
  pause(reference: ContainerReference): Promise<void>;
  /** "conflict" when it is not paused. */
  unpause(reference: ContainerReference): Promise<void>;
  /**
   * Runs the health check now, besides its schedule; the result is the last in the log. Throws "conflict" when the
   * container has no health check or does not run.
   */
  checkHealth(reference: ContainerReference): Promise<ContainerHealth>;
  /**
   * Other limits, all or none; those that are absent stay, and −1 lifts memorySwapBytes, cpuQuotaUs or pidsLimit. A
   * running container is under them at once. "invalid" for limits that can't be, or that the kernel refuses.
   */
  update(
    reference: ContainerReference,
    changes: ContainerUpdate,
  ): Promise<{ readonly warnings: readonly string[] }>;
  /**
   * As ps(1) shows them, with its common options (`-ef`, `aux`, `-o pid,comm`); pids are the host's. "conflict" when it
   * does not run.
   */
  top(
    reference: ContainerReference,
    options?: { readonly psOptions?: string | undefined },
  ): Promise<ProcessTable>;
  /**
   * Resource usage, each second until the container is removed or the signal fires: then the loop ends without an
   * error. A stopped container has no figures.
   */
  stats(reference: ContainerReference, options?: StatisticsOptions): AsyncIterable<ContainerStatistics>;
  /** Sets the size of its terminal. Throws "conflict" if it does not run. */
  resize(reference: ContainerReference, size: TerminalSize): Promise<void>;
  /** Connects to its streams; the caller destroys the duplex. */
  attach(reference: ContainerReference, options: AttachOptions): Promise<AttachedStream>;
  /** Reads its log, oldest entry first. Throws "not-found". */
  logs(reference: ContainerReference, options?: LogOptions): AsyncIterable<LogEntry>;
  /** The differences from the image, sorted by name, each directory before its entries. */
  changes(reference: ContainerReference): Promise<readonly ContainerChange[]>;
  /** The root file system as tar, without what is mounted in it; to be read to its end, or left by return(). */
  export(
    reference: ContainerReference,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<Uint8Array>;
  /** A symbolic link at the path's end is followed only when a slash or "/." comes after it. Throws "not-found". */
  statPath(reference: ContainerReference, path: string): Promise<PathStat>;
  /**
   * The file at the path as tar; a final "/." selects a directory's entries. Binds and volumes of a stopped container
   * are included.
   */
  copyFrom(
    reference: ContainerReference,
    path: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<CopiedPath>;
  /** Unpacks a plain tar into a directory, links to which are followed inside the container. Not atomic. */
  copyInto(
    reference: ContainerReference,
    path: string,
    options: CopyIntoOptions & { readonly archive: AsyncIterable<Uint8Array> },
  ): Promise<void>;
  /** Makes an image of its image and what it has changed, without what is mounted; returns the new id. */
  commit(reference: ContainerReference, settings?: CommitSettings): Promise<string>;
  /** Another number after each change of what list() gives, except sizes; undefined: it is not known. */
  readonly revision?: number | undefined;
  /** Lists containers, newest first. Throws "invalid" for an unknown filter. */
  list(filter?: ContainerFilter): Promise<readonly ContainerSummary[]>;
  /** Describes one container. Throws "not-found" with details.container. */
  inspect(
    reference: ContainerReference,
    options?: { readonly size?: boolean | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<ContainerDetails>;
  /** Removes those that do not run. One that another call starts or removes at the same time is left out. */
  prune(options?: {
    readonly filters?: PruneFilters | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<PrunedContainers>;
  /**
   * Prepares a program to run in the container; returns the id of the session. Throws "conflict" with details.state
   * if it does not run.
   */
  createExec(reference: ContainerReference, spec: ExecSpec): Promise<string>;
  /** Starts it; the stream is given unless `detach`. */
  startExec(
    id: string,
    options?: DescriptorOptions & {
      readonly detach?: boolean | undefined;
      readonly consoleSize?: TerminalSize | undefined;
    },
  ): Promise<AttachedStream | undefined>;
  /** Sets the size of the session's terminal. Throws "conflict" if it does not run. */
  resizeExec(id: string, size: TerminalSize): Promise<void>;
  /** Describes an exec session. Throws "not-found" with details.exec. */
  inspectExec(id: string): Promise<ExecDetails>;
  /** Waits for the end of the program. Throws "not-found", "canceled". */
  waitExec(id: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<ExitStatus>;
}
