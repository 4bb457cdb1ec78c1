import type { Duplex } from "node:stream";
import type { ImageConfig } from "../spec/image-config.ts";

/** Hex, 64 characters. */
export type ContainerId = string & { readonly brand?: "ContainerId" };
/** A name, an id, or an unambiguous prefix of an id: what a person types. */
export type ContainerReference = string;
/** Time on the wall clock, milliseconds since 1970. */
export type WallMs = number;

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
    readonly ipc?: NamespaceMode;
    readonly uts?: NamespaceMode;
    readonly cgroup?: "private" | "host";
    readonly network?: "none" | "host" | { readonly container: ContainerReference };
  };
  readonly limits?: ContainerLimits;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly privileged?: boolean;
  readonly noNewPrivileges?: boolean;
  /** The text of a profile in Docker's format, or one of the two words. */
  readonly seccomp?: "builtin" | "unconfined" | { readonly profile: string };
  /** "unconfined": no masked and read-only paths. */
  readonly systemPaths?: "confined" | "unconfined";
  readonly readOnlyRoot?: boolean;
  readonly mounts?: readonly ContainerMount[];
  /** Bytes of /dev/shm. */
  readonly shmBytes?: number;
  /** `name:address`. */
  readonly extraHosts?: readonly string[];
  readonly rlimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly oomScoreAdj?: number;
  /** Of the terminal, at the first instruction. */
  readonly consoleSize?: TerminalSize;
  /** HostConfig and Config as a client sent them, given back by inspect unchanged. */
  readonly received?: { readonly config: unknown; readonly hostConfig: unknown };
}

export interface ContainerLimits {
  readonly memoryBytes?: number;
  /** Memory and swap together; −1: no limit on swap. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly cpuShares?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  /** Billionths of a processor. */
  readonly nanoCpus?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pidsLimit?: number;
  readonly oomKillDisable?: boolean;
}

export type ContainerMount =
  | {
      readonly kind: "bind";
      /** Absolute path on the host. */
      readonly source: string;
      readonly target: string;
      readonly readonly?: boolean;
      readonly propagation?: "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";
      /** Make the source as a directory when it is absent (as `-v` does). */
      readonly createSource?: boolean;
    }
  | {
      readonly kind: "tmpfs";
      readonly target: string /** `size=64m,mode=1777,ro` */;
      readonly options?: string;
    };

/** Where a container is in its life. */
export type ContainerState =
  | { readonly status: "created" }
  | { readonly status: "running"; readonly pid: number; readonly startedAt: WallMs }
  | { readonly status: "paused"; readonly pid: number; readonly startedAt: WallMs }
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
  | { readonly status: "removing" }
  | { readonly status: "dead"; readonly error: string };

export interface ExitStatus {
  readonly code: number;
  readonly oomKilled: boolean;
  readonly error?: string;
}

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
  readonly mounts: readonly ContainerMount[];
}

export interface ContainerDetails extends ContainerSummary {
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
    readonly capabilities: readonly string[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly stopSignal: string;
    readonly cgroup: string;
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

export interface ContainerFilter {
  /** Stopped ones too. */
  readonly all?: boolean;
  readonly limit?: number;
  /** Docker's filters: id, name, label, status, exited, ancestor, before, since, volume, network … */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

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

export interface LogOptions {
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly follow?: boolean;
  readonly sinceMs?: WallMs;
  readonly untilMs?: WallMs;
  /** As an entry's timeNs, to go on exactly behind one; instead of sinceMs and untilMs. Both ends belong to it. */
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** Only so many last lines; absent: all. */
  readonly tail?: number;
  readonly signal?: AbortSignal;
}

/** One line with its line end where it had one (a terminal's bytes unchanged), or a part of at most 16 KiB of a longer one. */
export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
}

/** One path that differs from the container's image. */
export interface ContainerChange {
  readonly path: string;
  readonly kind: "modified" | "added" | "deleted";
}

/** A file of a container, by lstat(2). */
export interface PathStat {
  /** The last part of the path that was asked for; "/" for the root. */
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "character" | "block" | "fifo" | "socket";
  readonly permissions: number;
  readonly sizeBytes: number;
  readonly modified: { readonly seconds: number; readonly nanoseconds: number };
  /** Of a symbolic link: the absolute path in the container that it leads to, through all further ones; else "". */
  readonly linkTarget: string;
}

/** Disposing ends a copy that was not read to its end. */
export interface CopiedPath extends Disposable {
  readonly stat: PathStat;
  /** A tar of the file, or of the directory and all in it, with the path's last part as their first. */
  readonly archive: AsyncIterable<Uint8Array>;
}

export interface CopyIntoOptions {
  /** Refuse to replace a directory by something else, and the other way round. */
  readonly keepsKinds?: boolean;
  /** All belongs to the user that the container runs as, not to whom the archive says. */
  readonly asContainerUser?: boolean;
  readonly signal?: AbortSignal;
}

export interface CommitSettings {
  /** The new image's name. */
  readonly reference?: string;
  readonly author?: string;
  readonly message?: string;
  /** Dockerfile instructions: CMD, ENTRYPOINT, ENV … */
  readonly changes?: readonly string[];
  /** Freeze the container while its files are read (default true). */
  readonly pause?: boolean;
}

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

export interface ExecDetails {
  readonly id: string;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  readonly state:
    | { readonly status: "created" }
    | { readonly status: "running"; readonly pid: number }
    | { readonly status: "exited"; readonly code: number };
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Use-cases of containers. Failures: not-found, conflict, invalid and what the layers below throw. */
export interface Containers {
  create(spec: ContainerSpec): Promise<{ readonly id: ContainerId; readonly warnings: readonly string[] }>;
  /** Idempotent? No: "conflict" with details.alreadyRunning when it runs. A start that fails leaves it exited with the reason. */
  start(reference: ContainerReference): Promise<StartTiming>;
  /** Stop signal, then after the grace KILL. Fine when it does not run (returns false). */
  stop(
    reference: ContainerReference,
    options?: { readonly signal?: string; readonly graceMs?: number },
  ): Promise<boolean>;
  kill(reference: ContainerReference, options?: { readonly signal?: string }): Promise<void>;
  restart(
    reference: ContainerReference,
    options?: { readonly signal?: string; readonly graceMs?: number },
  ): Promise<void>;
  remove(reference: ContainerReference, options?: { readonly force?: boolean }): Promise<void>;
  wait(
    reference: ContainerReference,
    options?: { readonly until?: "not-running" | "next-exit" | "removed"; readonly signal?: AbortSignal },
  ): Promise<ExitStatus>;
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
    limits: ContainerLimits,
  ): Promise<{ readonly warnings: readonly string[] }>;
  /** As ps(1) shows them, with its common options (`-ef`, `aux`, `-o pid,comm`); pids are the host's. "conflict" when it does not run. */
  top(reference: ContainerReference, options?: { readonly psOptions?: string }): Promise<ProcessTable>;
  resize(reference: ContainerReference, size: TerminalSize): Promise<void>;
  attach(reference: ContainerReference, options: AttachOptions): Promise<AttachedStream>;
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
  /** What is at the path as tar; "/." at its end names what is in a directory. Of a stopped container without its mounts. */
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
  list(filter?: ContainerFilter): Promise<readonly ContainerSummary[]>;
  inspect(reference: ContainerReference): Promise<ContainerDetails>;
  createExec(reference: ContainerReference, spec: ExecSpec): Promise<string>;
  /** Starts it; the stream is given unless `detach`. */
  startExec(
    id: string,
    options?: { readonly detach?: boolean; readonly consoleSize?: TerminalSize },
  ): Promise<AttachedStream | undefined>;
  resizeExec(id: string, size: TerminalSize): Promise<void>;
  inspectExec(id: string): Promise<ExecDetails>;
  waitExec(id: string, options?: { readonly signal?: AbortSignal }): Promise<ExitStatus>;
}

export interface ImageSummary {
  /** `sha256:…` of the config. */
  readonly id: string;
  readonly references: readonly string[];
  readonly digests: readonly string[];
  readonly createdAt: WallMs;
  /** Bytes of all its layers, unpacked. */
  readonly sizeBytes: number;
  readonly containers: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ImageDetails extends ImageSummary {
  readonly config: ImageConfig;
  readonly layers: readonly string[];
  readonly storage: { readonly driver: string; readonly data: Readonly<Record<string, string>> };
}

/** What a long work on images says while it goes on. */
export type ImageProgress =
  | {
      readonly kind: "layer";
      readonly id: string;
      readonly action: string;
      readonly currentBytes: number;
      readonly totalBytes?: number;
    }
  | { readonly kind: "loaded"; readonly id: string; readonly reference?: string }
  | { readonly kind: "message"; readonly text: string };

export interface Images {
  /** docker-archive or OCI archive; plain, gzip or zstd. Ends when all is stored; nothing is half-made when it throws. */
  load(
    archive: AsyncIterable<Uint8Array>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<ImageProgress>;
  /** A root file system as tar. Gives the new image's id. */
  import(
    archive: AsyncIterable<Uint8Array>,
    options?: {
      readonly reference?: string;
      readonly changes?: readonly string[];
      readonly message?: string;
    },
  ): Promise<string>;
  list(options?: {
    readonly all?: boolean;
    readonly filters?: Readonly<Record<string, readonly string[]>>;
  }): Promise<readonly ImageSummary[]>;
  inspect(reference: string): Promise<ImageDetails>;
  tag(reference: string, target: string): Promise<void>;
  remove(
    reference: string,
    options?: { readonly force?: boolean },
  ): Promise<readonly ({ readonly untagged: string } | { readonly deleted: string })[]>;
}

/** As Docker's events: type, action, actor. */
export interface EngineEvent {
  readonly type: "container" | "image" | "volume" | "network" | "daemon";
  readonly action: string;
  readonly actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> };
  readonly timeNs: bigint;
}

export interface EngineInfo {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  readonly storage: { readonly driver: string; readonly status: readonly (readonly [string, string])[] };
  readonly cgroups: {
    readonly version: "1" | "2" | "hybrid";
    readonly controllers: Readonly<Record<string, "v1" | "v2">>;
  };
  readonly warnings: readonly string[];
}

export interface ContainerNamespaces {
  readonly id: ContainerId;
  readonly name: string;
  readonly pid: number;
  /** type → inode, and with whom it is shared (names of containers, or "host"). */
  readonly namespaces: Readonly<
    Record<string, { readonly inode: number; readonly sharedWith: readonly string[] }>
  >;
}

export interface CheckFinding {
  readonly subject: string;
  readonly problem: string;
  readonly advice: string;
}

/** An engine: in this process (openEngine) or behind a socket (connectEngine). */
export interface Engine extends AsyncDisposable {
  readonly containers: Containers;
  readonly images: Images;
  /** Past events since `sinceMs`, then those that come, until `untilMs` or the signal. */
  events(options?: {
    readonly sinceMs?: WallMs;
    readonly untilMs?: WallMs;
    readonly filters?: Readonly<Record<string, readonly string[]>>;
    readonly signal?: AbortSignal;
  }): AsyncIterable<EngineEvent>;
  info(): Promise<EngineInfo>;
  /** Namespaces of all running containers, and the host's as the first row. */
  namespaces(): Promise<readonly ContainerNamespaces[]>;
  /** Compares records with the kernel and the disk. */
  check(): Promise<readonly CheckFinding[]>;
  /** Waits until all removal that goes on behind the answers is done. */
  settle(): Promise<void>;
}
