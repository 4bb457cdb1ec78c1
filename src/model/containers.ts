import type { WatchedDetails } from "./denials.ts";
import type { ContainerUpdate } from "./updates.ts";
import type { RestartPolicy } from "./restarts.ts";
import type { DescriptorOptions } from "./descriptors.ts";
import type { DeviceRuleSpec, DeviceSpec } from "./devices.ts";
import type { Duplex } from "node:stream";
import type { IdMaps } from "../spec/id-map.ts";
import type { IdmapOption } from "../spec/idmap-option.ts";
import type { TimeOffsets } from "../spec/time-offsets.ts";
import type { UserNamespaceMode } from "../spec/user-namespace-mode.ts";
import type { Digest } from "../spec/digest.ts";
import type { ImageConfig, ImageDefaults } from "../spec/image/config.ts";
import type { ContainerChange, CopiedPath, CopyIntoOptions, PathStat } from "./files.ts";
import type { ContainerLimits } from "./limits.ts";
import type { LogEntry, LogOptions } from "./logs.ts";
import type { BoundPorts, EndpointDetails, EndpointSpec, PortSpec } from "./networks.ts";
import type { SecretUse } from "./secrets.ts";
import type { ContainerStatistics, StatisticsOptions } from "./statistics.ts";
import type { WallMs } from "./time.ts";
import type { ContainerId, ContainerReference, ExecId, PodReference } from "./ids.ts";
import type { PodMembership } from "./pod-membership.ts";
import type { PrunedContainers, PruneFilters } from "./prune.ts";
import type { ContainerSizes } from "./container-sizes.ts";

/** Which processes share one of the kernel's namespaces. */
export type NamespaceMode = "private" | "host" | { readonly container: ContainerReference };

/** What the caller asks for. Absent means: the image's value, else the engine's default. */
export interface ContainerSpec {
  /** Reference or id of an image that is in the store. */
  readonly image: string;
  readonly name?: string;
  /** Replaces the image's Cmd. */
  readonly command?: readonly string[];
  /** Replaces the image's Entrypoint (and drops its Cmd); an empty list removes it. */
  readonly entrypoint?: readonly string[];
  /** `NAME=value`, or `NAME` to take nothing; added to the image's. */
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** `user[:group]`, names looked up in the image. */
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly workingDirectory?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly terminal?: boolean;
  /** Keep standard input open; without it the process reads end of file. */
  readonly openStdin?: boolean;
  /** Close standard input for good when the first attached client that feeds it goes away. */
  readonly stdinOnce?: boolean;
  readonly stopSignal?: string;
  readonly stopGraceMs?: number;
  /** Remove the container when it ends. */
  readonly autoRemove?: boolean;
  /** "process": the container ends with this program, even when that is killed (library only). */
  readonly lifetime?: "engine" | "process";
  readonly namespaces?: {
    readonly pid?: NamespaceMode;
    /** "shareable": its own, and others may join it together with its /dev/shm. "none": its own, without a /dev/shm. */
    readonly ipc?: NamespaceMode | "shareable" | "none";
    readonly uts?: NamespaceMode;
    readonly cgroup?: "private" | "host";
    readonly user?: UserNamespaceMode;
    /** Absent: its own, with the networks of `networks`. */
    readonly network?: "none" | "host" | { readonly container: ContainerReference };
  };
  /** The networks that it is in; absent or empty: the default bridge. */
  readonly networks?: readonly EndpointSpec[];
  /** Its ports that are published on the host. */
  readonly ports?: readonly PortSpec[];
  /** `80/tcp`, `8000-8010/udp`: ports that it listens on, besides those that the image names. */
  readonly exposedPorts?: readonly string[];
  /** Publish every exposed port on a free one of the host's. */
  readonly publishAll?: boolean;
  /** Name servers, search domains and resolver options in place of the host's. */
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly limits?: ContainerLimits;
  /** The cgroup above its own: `/a/b` below the root of each hierarchy, `a/b` below the engine's own. Made when absent. */
  readonly cgroupParent?: string;
  /** "disabled": it has no cgroup, and no limits; "split": one below the cgroup that the engine itself is in. Absent: as cgroupParent says. */
  readonly cgroups?: "disabled" | "split";
  /** Of the kernel's resource control (resctrl): a directory in /sys/fs/resctrl, which its processes join. */
  readonly rdtClass?: string;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly privileged?: boolean;
  readonly noNewPrivileges?: boolean;
  /** The text of a profile in Docker's format, or one of the two words. */
  readonly seccomp?: "builtin" | "unconfined" | { readonly profile: string };
  /** Record the calls that are refused, with who refused them and what would allow it; they wait for the keeper's answer. */
  readonly explainDenials?: boolean;
  /** Record which calls are made, for a profile of exactly those; each call waits for the keeper's answer. */
  readonly recordCalls?: boolean;
  /** "unconfined": no masked and read-only paths. */
  readonly systemPaths?: "confined" | "unconfined";
  /** In place of the default ones; without effect where there are none (privileged, systemPaths "unconfined"). */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly readOnlyRoot?: boolean;
  readonly mounts?: readonly ContainerMount[];
  /** Paths that get anonymous volumes, as those of the image do, unless something else is mounted there. */
  readonly volumes?: readonly string[];
  /** The binds and volumes of other containers, at the same places. */
  readonly volumesFrom?: readonly {
    readonly container: ContainerReference;
    /** Absent: as that container has them. */
    readonly readonly?: boolean;
  }[];
  /** Bytes of /dev/shm. */
  readonly shmBytes?: number;
  /** What it may write to its root file system, in bytes. Refused where the storage driver can't keep it. */
  readonly storageBytes?: number;
  /** `name:address`; `name:host-gateway` is the host as the container reaches it. */
  readonly extraHosts?: readonly string[];
  readonly rlimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  /** systemd's own tmpfs, stop signal, variables and writable cgroups; "auto": where the command is systemd or an init. Absent: not. */
  readonly systemd?: "always" | "auto";
  /** Bytes of each tmpfs of systemd's; 0: half of the memory. Default 64 MiB. */
  readonly systemdTmpfsBytes?: number;
  /** A profile that is loaded, or "unconfined"; absent: the default one, where the host has AppArmor. */
  readonly appArmor?: string;
  /** Parts of an SELinux label, `type:container_t`; on a host without SELinux they change nothing. */
  readonly selinux?: readonly string[];
  /** The container may change its own cgroup. */
  readonly writableCgroups?: boolean;
  readonly restartPolicy?: RestartPolicy;
  /** Run the command below an init that passes signals on and reaps orphans. */
  readonly init?: boolean;
  /** Kernel parameters of its own network and IPC namespaces, `net.ipv4.ip_forward`. */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly devices?: readonly DeviceSpec[];
  readonly deviceRules?: readonly DeviceRuleSpec[];
  readonly oomScoreAdj?: number;
  /** File mode mask of the first process and of execs; absent: 022. */
  readonly umask?: number;
  /** "LINUX32": uname(2) tells of a 32-bit machine. */
  readonly personality?: "LINUX" | "LINUX32";
  /** The image's /etc/hosts, and /etc/hostname, stay as they are. */
  readonly ownsHosts?: boolean;
  readonly ownsHostname?: boolean;
  /** What /etc/hosts begins with: a file of the host's (absolute path), "image" for the image's own, or "none" for nothing. */
  readonly hostsFile?: string;
  /** Containers that are started before it, by name or id; kept by id. */
  readonly requires?: readonly ContainerReference[];
  /** The pod that it is made in, by name or id; kept by id. */
  readonly pod?: PodReference;
  /** `PATH=${PATH}:/more`: added to the variables that it has, from those. */
  readonly envMerge?: readonly string[];
  /** What the paths get that the image names as volumes, unless something else is mounted there. Default "anonymous" volumes. */
  readonly imageVolumes?: "anonymous" | "tmpfs" | "ignore";
  /** A line of /etc/passwd, and of /etc/group, for a user or group without one there: see AddedAccounts. */
  readonly passwdEntry?: string;
  readonly groupEntry?: string;
  /** Users of the host who are in /etc/passwd, too. */
  readonly hostUsers?: readonly string[];
  /** What it gets of the engine's secrets; kept by id. */
  readonly secrets?: readonly SecretUse[];
  /** Directories below which /etc/hosts, /etc/hostname and /etc/resolv.conf are, too. */
  readonly chrootDirectories?: readonly string[];
  /** Who is told, as by sd_notify(3), at each start that it runs, and that its keeper is the main process. */
  readonly notify?: {
    /** Path of a datagram socket, or `@` and an abstract name. */
    readonly socket: string;
    /** Whose unit of systemd's it is about. */
    readonly pid?: number;
    /** Of that process; the engine adds it. */
    readonly startTime?: string;
  };
  /** Files of the host (absolute paths) that get the PID of the first process, and of the keeper, at each start. */
  readonly pidFile?: string;
  readonly keeperPidFile?: string;
  /** No variables but those of `env`: none of the image, and no PATH, HOSTNAME and TERM. HOME stays. */
  readonly clearEnv?: boolean;
  /** With autoRemove: the image goes with it, by the name that it was asked for, unless something else uses it. */
  readonly removeImage?: boolean;
  /** A run that goes on for longer is killed. */
  readonly timeoutMs?: number;
  /** A time namespace of its own, whose clocks are so far from the host's. */
  readonly timeOffsets?: TimeOffsets;
  /** What its log may take, or that none is kept. */
  readonly log?: LogLimits | "none";
  /** As Docker writes a check: `["CMD", …]`, `["CMD-SHELL", text]`, or `["NONE"]` for none of the image's. Not run yet: creating warns. */
  readonly healthcheck?: readonly string[];
  /** Of the terminal, at the first instruction. */
  readonly consoleSize?: TerminalSize;
  /** HostConfig and Config as a client sent them, given back by inspect unchanged. */
  readonly received?: { readonly config: unknown; readonly hostConfig: unknown };
}

/** What is absent has the engine's default: three files of 20 MiB. */
export interface LogLimits {
  /** A file that has so many bytes is rotated; one write of the container, up to 64 KiB, is never split over two. */
  readonly fileBytes?: number;
  /** With `fileBytes` one by default. Of more than ten the sizes are added up to those of ten. */
  readonly files?: number;
}

/** A mount of a container, by kind. */
export type ContainerMount = BindMount | VolumeMount | TmpfsMount | ImageMount;

interface MountPlace {
  readonly target: string;
  readonly readonly?: boolean;
  /** The options as `-v` had them, to be shown. */
  readonly mode?: string;
}

/** A file or directory of the host. */
export interface BindMount extends MountPlace {
  readonly kind: "bind";
  /** Absolute path on the host. */
  readonly source: string;
  readonly propagation?: "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";
  /** Make the source as a directory when it is absent (as `-v` does). */
  readonly createSource?: boolean;
  /** False: without what is mounted below the source. Default true. */
  readonly recursive?: boolean;
  /** False: what is mounted below a read-only one stays writable. Default true. */
  readonly readonlyBelow?: boolean;
  /** The host's owner who is the container's user there, both ways; `true`: the owner of the source. */
  readonly idmap?: IdmapOption;
}

/** A volume of the engine. */
export interface VolumeMount extends MountPlace {
  readonly kind: "volume";
  /** Absent: an anonymous one, made for this container. */
  readonly name?: string;
  /** Made for this container, goes with it. */
  readonly anonymous?: boolean;
  /** False: an empty volume stays empty instead of getting what the image has there. Default true. */
  readonly copy?: boolean;
  /** A path in the volume, which must exist: mounted in place of the whole. */
  readonly subpath?: string;
  /** In what list and inspect give: the host's path of its content. */
  readonly mountpoint?: string;
  /** When the volume has to be made. */
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A file system in memory; it ends with the run. */
export interface TmpfsMount extends MountPlace {
  readonly kind: "tmpfs";
  /** `size=64m,mode=1777,ro` */
  readonly options?: string;
}

/** The files of an image, read-only; it stays as long as the container does. */
export interface ImageMount extends MountPlace {
  readonly kind: "image";
  /** Reference or id of an image that is in the store. */
  readonly image: string;
  /** A path in the image, which must exist: mounted in place of the whole. */
  readonly subpath?: string;
  /** In what list and inspect give, and kept: which image that was when the container was made. */
  readonly imageId?: string;
  readonly layers?: readonly Digest[];
}

/** Where a container is in its life. */
export type ContainerState =
  | { readonly status: "created" }
  | {
      readonly status: "running" | "paused";
      readonly pid: number;
      readonly startedAt: WallMs;
      /** So many of its processes were killed for want of memory, as far as was noticed. Absent: none. */
      readonly oomKills?: number;
    }
  | {
      readonly status: "exited";
      /** 0–255; 128 + n for a signal; 125/126/127 when it never ran. */
      readonly code: number;
      readonly oomKilled: boolean;
      /** Absent when it never ran. */
      readonly startedAt?: WallMs;
      readonly finishedAt: WallMs;
      /** Why it could not start or was lost. */
      readonly error?: string;
    }
  | {
      /** It ended, and its policy will start it again. */
      readonly status: "restarting";
      readonly code: number;
      readonly oomKilled: boolean;
      readonly startedAt?: WallMs;
      readonly finishedAt: WallMs;
      readonly error?: string;
    }
  | { readonly status: "removing" }
  | { readonly status: "dead"; readonly error: string };

/** The end of a run. A signal N is the code 128 + N. */
export interface ExitStatus {
  readonly code: number;
  readonly oomKilled: boolean;
  readonly error?: string;
}

/** A container as a list shows it. */
export interface ContainerSummary {
  readonly id: ContainerId;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly command: readonly string[];
  readonly createdAt: WallMs;
  readonly state: ContainerState;
  readonly labels: Readonly<Record<string, string>>;
  readonly networkMode: string;
  readonly endpoints: readonly EndpointDetails[];
  /** Published at the moment. */
  readonly ports: readonly BoundPorts[];
  /** Ports that it and its image name. */
  readonly exposedPorts: readonly string[];
  /** Where it was asked for. */
  readonly sizes?: ContainerSizes;
  readonly mounts: readonly ContainerMount[];
  /** The pod that it is in, or that it holds. */
  readonly pod?: PodMembership;
}

export interface ContainerDetails extends ContainerSummary, WatchedDetails {
  readonly spec: ContainerSpec;
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
    readonly appArmorProfile?: string;
    /** Of its user namespace. */
    readonly idMaps?: IdMaps;
  };
  readonly files: {
    readonly log: string;
    readonly hosts: string;
    readonly hostname: string;
    readonly resolvConf: string;
  };
  readonly storage: { readonly driver: string; readonly data: Readonly<Record<string, string>> };
  readonly execIds: readonly string[];
  readonly lastTiming?: StartTiming;
}

/** Where the time of a start went, in milliseconds; `total` is from the request to the program's first instruction. */
export interface StartTiming {
  readonly totalMs: number;
  readonly phases: readonly { readonly name: string; readonly ms: number }[];
}

/** Processes of a container: a row each, a cell a title. */
export interface ProcessTable {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

/** Which containers a list contains. */
export interface ContainerFilter {
  /** Stopped ones too. */
  readonly all?: boolean;
  readonly limit?: number;
  /** Docker's filters: id, name, label, status, exited, ancestor, before, since, volume, network … */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
  /** Measure each one's files, which takes time. */
  readonly size?: boolean;
  readonly signal?: AbortSignal;
}

/** Streams to connect to. */
export interface AttachOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** First give what the log holds. */
  readonly logs?: boolean;
  /** Go on with what comes (false with logs: only the log). */
  readonly stream?: boolean;
}

/**
 * A client's end of a container's standard streams. Reading gives raw bytes of the terminal, or without a terminal
 * Docker's frames (8-byte header: stream, 0, 0, 0, length as 32 bits big-endian). Writing feeds standard input;
 * `end()` half-closes it. The reader's end comes when the process ended and all its output was given.
 * The caller destroys it.
 */
export interface AttachedStream {
  readonly terminal: boolean;
  readonly duplex: Duplex;
}

/** Variables, labels, ports and volumes are added to what is there, all else replaces it. */
export type CommittedConfig = Partial<Omit<ImageDefaults, "healthcheck">>;

/** Image that a commit creates. */
export interface CommitSettings {
  /** The new image's name. */
  readonly reference?: string;
  readonly author?: string;
  readonly message?: string;
  /** Comes before what the container has. */
  readonly config?: CommittedConfig;
  /** Dockerfile instructions: CMD, ENTRYPOINT, ENV … They come last. */
  readonly changes?: readonly string[];
  /** Freeze the container while its files are read (default true). */
  readonly pause?: boolean;
  /** An abort ends the commit with "canceled"; nothing of it stays. */
  readonly signal?: AbortSignal;
}

/** A program to run in a container. */
export interface ExecSpec {
  readonly command: readonly string[];
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly terminal?: boolean;
  readonly attachStdin?: boolean;
  readonly attachStdout?: boolean;
  readonly attachStderr?: boolean;
  readonly privileged?: boolean;
  readonly detachKeys?: string;
  readonly consoleSize?: TerminalSize;
}

/** An exec session and its state. */
export interface ExecDetails {
  readonly id: ExecId;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  readonly state:
    | { readonly status: "created" }
    | { readonly status: "running"; readonly pid: number }
    | { readonly status: "exited"; readonly code: number };
}

/** Size of a terminal in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Options of the creation that are not settings of the container. */
export interface CreateOptions {
  /** The caller starts it right away: what the start makes anyway is left to it. */
  readonly startsNext?: boolean;
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
  /** Idempotent? No: "conflict" with details.alreadyRunning when it runs. A start that fails leaves it exited with the reason. */
  start(reference: ContainerReference, options?: DescriptorOptions): Promise<StartTiming>;
  /** Stop signal, then after the grace KILL. Fine when it does not run (returns false). */
  stop(
    reference: ContainerReference,
    options?: { readonly signal?: string; readonly graceMs?: number },
  ): Promise<boolean>;
  /** Sends a signal, SIGKILL by default. Throws "not-found"; "conflict" if it does not run. */
  kill(reference: ContainerReference, options?: { readonly signal?: string }): Promise<void>;
  /** Stops the container if it runs, and starts it. graceMs: before SIGKILL. Fails like start(). */
  restart(
    reference: ContainerReference,
    options?: { readonly signal?: string; readonly graceMs?: number },
  ): Promise<void>;
  /** With `volumes` its anonymous volumes go, too, unless another container has them. */
  remove(
    reference: ContainerReference,
    options?: { readonly force?: boolean; readonly volumes?: boolean },
  ): Promise<void>;
  /** Waits for the end of the container. Throws "not-found", "canceled". */
  wait(
    reference: ContainerReference,
    options?: { readonly until?: "not-running" | "next-exit" | "removed"; readonly signal?: AbortSignal },
  ): Promise<ExitStatus>;
  /** Renames the container. Throws "conflict" with details.name and details.id for a name in use. */
  rename(reference: ContainerReference, name: string): Promise<void>;
  /** Stops every process of it where it is, until unpause(). "conflict" when it does not run or is paused already. */
  pause(reference: ContainerReference): Promise<void>;
  /** "conflict" when it is not paused. */
  unpause(reference: ContainerReference): Promise<void>;
  /**
   * Other limits, all or none; those that are absent stay, and −1 lifts memorySwapBytes, cpuQuotaUs or pidsLimit. A
   * running container is under them at once. "invalid" for limits that can't be, or that the kernel refuses.
   */
  update(
    reference: ContainerReference,
    changes: ContainerUpdate,
  ): Promise<{ readonly warnings: readonly string[] }>;
  /** As ps(1) shows them, with its common options (`-ef`, `aux`, `-o pid,comm`); pids are the host's. "conflict" when it does not run. */
  top(reference: ContainerReference, options?: { readonly psOptions?: string }): Promise<ProcessTable>;
  /**
   * What it uses, each second until it is removed or the signal fires: then the loop ends without an error. Of one that
   * does not run there are no figures.
   */
  stats(reference: ContainerReference, options?: StatisticsOptions): AsyncIterable<ContainerStatistics>;
  /** Sets the size of its terminal. Throws "conflict" if it does not run. */
  resize(reference: ContainerReference, size: TerminalSize): Promise<void>;
  /** Connects to its streams; the caller destroys the duplex. */
  attach(reference: ContainerReference, options: AttachOptions): Promise<AttachedStream>;
  /** Reads its log, oldest entry first. Throws "not-found". */
  logs(reference: ContainerReference, options?: LogOptions): AsyncIterable<LogEntry>;
  /** What differs from the image, in the order of names, each directory before what is in it. */
  changes(reference: ContainerReference): Promise<readonly ContainerChange[]>;
  /** The root file system as tar, without what is mounted in it; to be read to its end, or left by return(). */
  export(
    reference: ContainerReference,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>;
  /** A symbolic link at the path's end is followed only when a slash or "/." comes after it. Throws "not-found". */
  statPath(reference: ContainerReference, path: string): Promise<PathStat>;
  /** What is at the path as tar; "/." at its end names what is in a directory. Of a stopped container with its binds and volumes, too. */
  copyFrom(
    reference: ContainerReference,
    path: string,
    options?: { readonly signal?: AbortSignal },
  ): Promise<CopiedPath>;
  /** Unpacks a plain tar into a directory, links to which are followed inside the container. Not atomic. */
  copyInto(
    reference: ContainerReference,
    path: string,
    options: CopyIntoOptions & { readonly archive: AsyncIterable<Uint8Array> },
  ): Promise<void>;
  /** Makes an image of its image and what it has changed, without what is mounted; gives the new id. */
  commit(reference: ContainerReference, settings?: CommitSettings): Promise<string>;
  /** Lists containers, newest first. Throws "invalid" for an unknown filter. */
  list(filter?: ContainerFilter): Promise<readonly ContainerSummary[]>;
  /** Describes one container. Throws "not-found" with details.container. */
  inspect(
    reference: ContainerReference,
    options?: { readonly size?: boolean; readonly signal?: AbortSignal },
  ): Promise<ContainerDetails>;
  /** Removes those that do not run. One that another call starts or removes at the same time is left out. */
  prune(options?: {
    readonly filters?: PruneFilters;
    readonly signal?: AbortSignal;
  }): Promise<PrunedContainers>;
  /**
   * Prepares a program to run in the container; returns the id of the session. Throws "conflict" with details.state
   * if it does not run.
   */
  createExec(reference: ContainerReference, spec: ExecSpec): Promise<string>;
  /** Starts it; the stream is given unless `detach`. */
  startExec(
    id: string,
    options?: DescriptorOptions & { readonly detach?: boolean; readonly consoleSize?: TerminalSize },
  ): Promise<AttachedStream | undefined>;
  /** Sets the size of the session's terminal. Throws "conflict" if it does not run. */
  resizeExec(id: string, size: TerminalSize): Promise<void>;
  /** Describes an exec session. Throws "not-found" with details.exec. */
  inspectExec(id: string): Promise<ExecDetails>;
  /** Waits for the end of the program. Throws "not-found", "canceled". */
  waitExec(id: string, options?: { readonly signal?: AbortSignal }): Promise<ExitStatus>;
}
