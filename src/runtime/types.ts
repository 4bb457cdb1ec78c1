import type { Duplex } from "node:stream";
import type { Cgroup } from "../linux/cgroup/cgroup.ts";
import type { CgroupLayout } from "../linux/cgroup/layout.ts";
import type { Fd, OwnedFd } from "../linux/kernel/fd.ts";
import type { IdMaps } from "../spec/id-map.ts";
import type { SeccompWatch } from "../linux/seccomp/watch.ts";
import type { RuntimeConfig, RuntimeNamespaceType } from "../spec/runtime-config.ts";
import type { PrewarmedKeeper } from "./prewarmed-keeper.ts";

/** Calls that a keeper is handed, answers and records, besides what it does otherwise. */
export interface CallWatch extends SeccompWatch {
  /** The file for readCallRecord(), made or emptied at the start; its directory is the caller's. */
  readonly recordPath: string;
}

export interface StartOptions {
  readonly id: string;
  /** Becomes its keeper; stays the caller's to dispose of. */
  readonly prewarmedKeeper?: PrewarmedKeeper | undefined;
  readonly config: RuntimeConfig;
  /** The detached, writable mount of the root file system; stays the caller's to close (the keeper gets copies). */
  readonly root: Fd;
  /**
   * Called once, when the keeper has its copies of all descriptors: the caller closes its own now. The process that
   * closes the last descriptor of the root waits for its unmounting, which writes to the disk; that should be the
   * keeper.
   */
  readonly onInherited?: (() => void) | undefined;
  /** The lock that marks the writable layer as live; the keeper holds a copy as long as it lives. */
  readonly rootLock?: Fd | undefined;
  /**
   * 0700, on the host; holds the keeper's socket `keeper.sock` and the exit record `exit`. Made by the caller, on the
   * run root.
   */
  readonly runDirectory: string;
  /** 0700; the keeper writes `log.0` (newest) … here; absent: no log is kept. */
  readonly logDirectory?: string | undefined;
  readonly logRotation?: { readonly maxBytes: number; readonly files: number } | undefined;
  readonly keepStdinOpen?: boolean | undefined;
  readonly stdinOnce?: boolean | undefined;
  /** Run the program below an init of ours, which passes signals on and reaps. */
  readonly init?: boolean | undefined;
  /** Made by the caller, with its limits. Absent: it stays in the keeper's. */
  readonly cgroup?: Cgroup | undefined;
  readonly cgroupLayout: CgroupLayout;
  /**
   * The keeper itself writes `0` to each: out of the engine's cgroup, so that the engine's end or limits do not touch
   * it.
   */
  readonly keeperCgroupFds?: readonly Fd[] | undefined;
  /** Descriptors that the program gets, by the number that each has there: 3 to 511. The caller's to close. */
  readonly preserveFds?: ReadonlyMap<number, Fd> | undefined;
  /**
   * The process writes `0` to each, before its program runs: files of groups other than cgroups. The caller's to close.
   */
  readonly taskFds?: readonly Fd[] | undefined;
  /** Give the container up when it is not running by then. Default 30 s. */
  readonly setupDeadlineMs?: number | undefined;
  /** The container (its first process) dies when this program does. */
  readonly dieWithCaller?: boolean | undefined;
  /**
   * A network namespace without processes that the container joins instead of a new one. Nothing runs until `attached`
   * resolves; its failure ends the start. Only if usesPrewarmedNetwork() of the engine allows it: not with a user
   * namespace or with interface parameters. The caller closes it afterwards.
   */
  readonly prewarmedNetwork?:
    | { readonly netns: Fd; readonly attached?: Promise<void> | undefined }
    | undefined;
  /** Process namespaces that are joined instead of made: `type` → descriptor, the caller's to close. */
  readonly joinNamespaces?: ReadonlyMap<RuntimeNamespaceType, Fd> | undefined;
  /**
   * Where idmapped mounts get their ids from; needed for those only. The result is the callee's caller's to dispose of.
   */
  readonly openUserNamespace?: ((maps: IdMaps) => Promise<OwnedFd>) | undefined;
  /** Opened sources of binds, by destination, in place of their paths; the caller's to close. */
  readonly bindSources?: ReadonlyMap<string, Fd> | undefined;
  /** Of those, the detached mounts that are attached themselves instead of a clone of them. */
  readonly ownTrees?: ReadonlySet<string> | undefined;
  /** Made in the container's root after its mounts and devices; they replace other files. */
  readonly links?: readonly { readonly path: string; readonly target: string }[] | undefined;
  /** Set then, of directories without a link in their path; what is missing is left out. */
  readonly modes?: readonly { readonly path: string; readonly mode: number }[] | undefined;
  /** The detached file system whose files the mounts of type memoryFile are; the caller's to close. */
  readonly memoryFiles?: Fd | undefined;
  /** At most six descriptors that the keeper holds on to, see KeptProcess.openHeld(); the caller's to close. */
  readonly heldFds?: readonly Fd[] | undefined;
  /**
   * Called once, when the streams can be attached; goes on while the process is set up, and nothing runs before it is
   * done. A failure ends the start.
   */
  readonly whileSettingUp?: ((streams: EarlyStreams) => Promise<void>) | undefined;
  /** Called once, after that, when all but the first instruction is done: attaching here misses no byte, either. */
  readonly beforeFirstInstruction?: ((streams: EarlyStreams) => Promise<void>) | undefined;
  /**
   * Puts interfaces into the new network namespace of the process: concurrently with the rest, as whileSettingUp(), or
   * before it where the process would see the difference. A failure ends the start.
   */
  readonly attachNetwork?: ((netns: Fd) => Promise<void>) | undefined;
  readonly watch?: CallWatch | undefined;
}

export interface ExecOptions {
  readonly id: string;
  /** As that of StartOptions. */
  readonly prewarmedKeeper?: PrewarmedKeeper | undefined;
  readonly process: RuntimeConfig["process"];
  /** The container's first process, matched by start time against reuse. */
  readonly target: { readonly pid: number; readonly startTime: bigint };
  readonly seccomp?: unknown;
  /** Of the container's user namespace, when it has one. */
  readonly idMaps?: IdMaps | undefined;
  readonly runDirectory: string;
  readonly keepStdinOpen?: boolean | undefined;
  readonly keeperCgroupFds?: readonly Fd[] | undefined;
  /** As those of StartOptions. */
  readonly preserveFds?: ReadonlyMap<number, Fd> | undefined;
  readonly taskFds?: readonly Fd[] | undefined;
  /** Absent: the container has none of its own. */
  readonly cgroup?: Cgroup | undefined;
  readonly setupDeadlineMs?: number | undefined;
  readonly whileSettingUp?: ((streams: EarlyStreams) => Promise<void>) | undefined;
  readonly beforeFirstInstruction?: ((streams: EarlyStreams) => Promise<void>) | undefined;
  readonly watch?: CallWatch | undefined;
}

/** How a process ended, as wait status: code 0–255, or the signal's number. */
export type ProcessEnd = { readonly code: number } | { readonly signal: number };

export interface Exit {
  readonly end: ProcessEnd;
  /** Milliseconds since 1970. */
  readonly finishedAt: number;
  /** The keeper died first: the container was killed and its true end is not known. */
  readonly keeperLost?: boolean | undefined;
}

/** The operations on a process that has not run yet. */
export interface EarlyStreams {
  attach(options: {
    readonly stdin?: boolean | undefined;
    readonly stdout?: boolean | undefined;
    readonly stderr?: boolean | undefined;
  }): Promise<Duplex>;
}

/** A process in the care of a keeper, which outlives this program. */
export interface KeptProcess extends AsyncDisposable {
  readonly pid: number;
  readonly keeperPid: number;
  /** Field 22 of /proc/PID/stat. */
  readonly startTime: bigint;
  readonly terminal: boolean;
  /** Resolves once; never rejects. Stays pending when this is disposed before. */
  readonly exited: Promise<Exit>;
  /** Raw bytes of the terminal, or Docker's frames; writing is standard input, `end()` half-closes it. */
  attach(options: {
    readonly stdin?: boolean | undefined;
    readonly stdout?: boolean | undefined;
    readonly stderr?: boolean | undefined;
  }): Promise<Duplex>;
  resize(size: { readonly columns: number; readonly rows: number }): Promise<void>;
  /** Signals the process by pidfd: never another one. False when it is gone. */
  signal(number: number): boolean;
  /** Kills the process and the other processes of its session's first process group. */
  killGroup(): void;
  /** The root file system as the keeper holds it, for reaching a running container by descriptor. */
  openRoot(): OwnedFd;
  /** `listener` is called when the record of traced calls has new entries; one call at a time. */
  onTracedCall(listener: () => void): void;
  /** A copy of the descriptor of this index in StartOptions.heldFds. Throws "unavailable" when the keeper has gone. */
  openHeld(index: number): OwnedFd;
  // Disposing drops the connection only; the process and its keeper go on.
}

export interface StartedProcess {
  readonly kept: KeptProcess;
  readonly timing: readonly { readonly name: string; readonly ms: number }[];
  readonly warnings: readonly string[];
}

/*
 * The runtime's public interface, in the files named:
 *   keeper-program.ts    openKeeperProgram(path): KeeperProgram
 *   prewarmed-keeper.ts  PrewarmedKeeper.start(program, directory): Promise<PrewarmedKeeper | undefined>
 *   start.ts             startContainer(program: KeeperProgram, options: StartOptions): Promise<StartedProcess>
 *   exec.ts              execInContainer(program: KeeperProgram, options: ExecOptions): Promise<StartedProcess>
 *   reconnect.ts         reconnect(runDirectory): Promise<KeptProcess | Exit | undefined>
 *                        (alive | ended and recorded | nothing there: the keeper was lost)
 *   traced-calls.ts      readCallRecord(path): CallRecord
 * A process that could not be executed throws a Failure "invalid" with details.exitCode 126 or 127; every other
 * failed start throws with nothing left behind but the cgroup (the caller removes it, with linux/cgroup.ts).
 */
