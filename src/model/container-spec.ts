import type { TimeOffsets } from "../spec/time-offsets.ts";
import type { ImageHealthcheck } from "../spec/image/config.ts";
import type { UserNamespaceMode } from "../spec/user-namespace-mode.ts";
import type { CriSettings } from "./cri.ts";
import type { DeviceRequestSpec, DeviceRuleSpec, DeviceSpec } from "./devices.ts";
import type { UnhealthyAction } from "./health.ts";
import type { ContainerReference, PodReference } from "./ids.ts";
import type { ContainerLimits } from "./limits.ts";
import type { ContainerMount } from "./mounts.ts";
import type { EndpointSpec, PortSpec } from "./networks.ts";
import type { RestartPolicy } from "./restarts.ts";
import type { SecretUse } from "./secrets.ts";
import type { TerminalSize } from "./streams.ts";

/**
 * Configuration of a container: which image, and in each group how it differs from the image and the engine's defaults.
 * An absent field or group means the image's value, else the engine's default.
 */
export interface ContainerSpec {
  /** Reference or id of an image in the store. */
  readonly image: string;
  /** Absent: a random name. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Name or id of the pod that the container joins; the record contains the id. */
  readonly pod?: PodReference | undefined;
  readonly process?: ContainerProcess | undefined;
  readonly isolation?: ContainerIsolation | undefined;
  readonly resources?: ContainerResources | undefined;
  readonly storage?: ContainerStorage | undefined;
  readonly network?: ContainerNetwork | undefined;
  readonly lifecycle?: ContainerLifecycle | undefined;
  /** Present: a kubelet has created it through the CRI. No list, name or operation of the engine's own API finds it. */
  readonly cri?: CriSettings | undefined;
  /** Config and HostConfig as an API client sent them; inspect returns them unchanged. */
  readonly received?: { readonly config: unknown; readonly hostConfig: unknown } | undefined;
}

/**
 * The first process: its command, environment, user, working directory, standard streams, and the init or systemd mode
 * that it runs in.
 */
export interface ContainerProcess {
  /** Replaces the image's Cmd. */
  readonly command?: readonly string[] | undefined;
  /** Replaces the image's Entrypoint and drops its Cmd; an empty list removes both. */
  readonly entrypoint?: readonly string[] | undefined;
  /** `NAME=value` sets a variable, `NAME` removes one; merged into the image's. */
  readonly env?: readonly string[] | undefined;
  /** `PATH=${PATH}:/more`: set after `env`, expanded with the container's own variables. */
  readonly envMerge?: readonly string[] | undefined;
  /** No variables except those of `env`: none from the image, and no PATH, HOSTNAME and TERM. HOME stays. */
  readonly clearEnv?: boolean | undefined;
  /** Runs a health check of the form CMD-SHELL; absent: the image's, else `/bin/sh -c`. */
  readonly shell?: readonly string[] | undefined;
  /** `user[:group]`; names are looked up in the image. */
  readonly user?: string | undefined;
  /** Supplementary groups. */
  readonly groupAdd?: readonly string[] | undefined;
  /**
   * Whether groups of the image that list the user are added: "never", or "always", also with a group in `user`.
   * Absent: without a group in `user`.
   */
  readonly memberships?: "always" | "never" | undefined;
  /** File mode mask of the first process and of execs; absent: 022. */
  readonly umask?: number | undefined;
  /** Line of /etc/passwd for a user without one: see AddedAccounts. */
  readonly passwdEntry?: string | undefined;
  /** Line of /etc/group for a group without one. */
  readonly groupEntry?: string | undefined;
  /** Users of the host that are added to /etc/passwd. */
  readonly hostUsers?: readonly string[] | undefined;
  readonly workingDirectory?: string | undefined;
  readonly terminal?: boolean | undefined;
  /** Size of the terminal at the first instruction. */
  readonly consoleSize?: TerminalSize | undefined;
  /** Keep standard input open; otherwise the process reads end of file. */
  readonly openStdin?: boolean | undefined;
  /** Close standard input when the first client that was attached to it disconnects. */
  readonly stdinOnce?: boolean | undefined;
  /** Run the command under an init process that forwards signals and reaps orphans. */
  readonly init?: boolean | undefined;
  /**
   * systemd's tmpfs mounts, stop signal, variables and writable cgroups; "auto": if the command is systemd or an init.
   * Absent: off.
   */
  readonly systemd?: "always" | "auto" | undefined;
  /** Bytes of each tmpfs of systemd mode; 0: half of the memory. Default 64 MiB. */
  readonly systemdTmpfsBytes?: number | undefined;
  /** "LINUX32": uname(2) reports a 32-bit machine. */
  readonly personality?: "LINUX" | "LINUX32" | undefined;
}

/** Which processes share one of the kernel's namespaces. */
export type NamespaceMode = "private" | "host" | { readonly container: ContainerReference };

/** The mode of each kind of namespace; an absent one is private. */
export interface NamespaceModes {
  readonly pid?: NamespaceMode | undefined;
  /** "shareable": private, and other containers may join it with its /dev/shm. "none": private, without a /dev/shm. */
  readonly ipc?: NamespaceMode | "shareable" | "none" | undefined;
  readonly uts?: NamespaceMode | undefined;
  readonly cgroup?: "private" | "host" | undefined;
  readonly user?: UserNamespaceMode | undefined;
  /** Absent: private, connected to the networks of the group `network`. */
  readonly network?: "none" | "host" | { readonly container: ContainerReference } | undefined;
}

/**
 * The boundary to the host: namespaces, their kernel parameters and clocks, privileges, mandatory access control, and
 * what is recorded about refused or made system calls.
 */
export interface ContainerIsolation {
  readonly namespaces?: NamespaceModes | undefined;
  /** Kernel parameters of its network and IPC namespaces: `net.ipv4.ip_forward`. */
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  /** Present: a time namespace, whose clocks differ from the host's by these offsets. */
  readonly timeOffsets?: TimeOffsets | undefined;
  readonly privileged?: boolean | undefined;
  readonly capabilities?:
    | { readonly add?: readonly string[] | undefined; readonly drop?: readonly string[] | undefined }
    | undefined;
  readonly noNewPrivileges?: boolean | undefined;
  /** `profile`: the text of a profile in Docker's format. */
  readonly seccomp?: "builtin" | "unconfined" | { readonly profile: string } | undefined;
  /** Name of a loaded profile, or "unconfined"; absent: the default profile, on a host with AppArmor. */
  readonly appArmor?: string | undefined;
  /** Fields of an SELinux label: `type:container_t`. On a host without SELinux they have no effect. */
  readonly selinux?: readonly string[] | undefined;
  /** "unconfined": no masked and read-only paths. */
  readonly systemPaths?: "confined" | "unconfined" | undefined;
  /** Replaces the default list; without effect if there is none (privileged, systemPaths "unconfined"). */
  readonly maskedPaths?: readonly string[] | undefined;
  /** As `maskedPaths`. */
  readonly readonlyPaths?: readonly string[] | undefined;
  /** The container may change its own cgroup. */
  readonly writableCgroups?: boolean | undefined;
  /** Record refused system calls, what refused them and how to allow them. Each refused call waits for the keeper. */
  readonly explainDenials?: boolean | undefined;
  /** Record all system calls, for a seccomp profile of exactly these. Each call waits for the keeper. */
  readonly recordCalls?: boolean | undefined;
}

/** The share of the host: cgroup limits and the cgroup's place, resource limits of processes, and devices. */
export interface ContainerResources {
  readonly limits?: ContainerLimits | undefined;
  /** Parent cgroup, created if absent: `/a/b` below the root of each hierarchy, `a/b` below the engine's own. */
  readonly cgroupParent?: string | undefined;
  /** "disabled": no cgroup and no limits; "split": a cgroup below the engine's. Absent: cgroupParent decides. */
  readonly cgroups?: "disabled" | "split" | undefined;
  /** Directory in /sys/fs/resctrl (the kernel's resource control) that its processes join. */
  readonly rdtClass?: string | undefined;
  readonly rlimits?:
    | readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
    | undefined;
  readonly oomScoreAdj?: number | undefined;
  readonly devices?: readonly DeviceSpec[] | undefined;
  readonly deviceRules?: readonly DeviceRuleSpec[] | undefined;
  /** Devices that are found at each start: those of CDI specifications (docs/guide/devices.md). */
  readonly deviceRequests?: readonly DeviceRequestSpec[] | undefined;
}

/** Files and disk space: the root filesystem, mounts, volumes, secrets, and the log. */
export interface ContainerStorage {
  readonly readOnlyRoot?: boolean | undefined;
  /** Bytes that it may write to its root filesystem. Refused if the storage driver cannot enforce it. */
  readonly storageBytes?: number | undefined;
  /** Bytes of /dev/shm. */
  readonly shmBytes?: number | undefined;
  readonly mounts?: readonly ContainerMount[] | undefined;
  /** Paths of anonymous volumes, in addition to the image's; `mounts` at the same paths win. */
  readonly volumes?: readonly string[] | undefined;
  /** The binds and volumes of other containers, at the same paths. */
  readonly volumesFrom?:
    | readonly {
        readonly container: ContainerReference;
        /** Absent: as in that container. */
        readonly readonly?: boolean | undefined;
      }[]
    | undefined;
  /** The kind of mount at the volume paths of the image, unless `mounts` covers them. Default "anonymous" volumes. */
  readonly imageVolumes?: "anonymous" | "tmpfs" | "ignore" | undefined;
  /** The record contains their ids. */
  readonly secrets?: readonly SecretUse[] | undefined;
  /** Rotation of the log and its receiver; "none": no log is kept. */
  readonly log?: LogSettings | "none" | undefined;
}

/** Absent limits: the engine's defaults, see resolveLogRotation(). */
export interface LogSettings {
  /** A file of this size is rotated. One write of the container, up to 64 KiB, is never split over two files. */
  readonly fileBytes?: number | undefined;
  /** With `fileBytes` 1 by default. More than ten files become ten larger ones of the same total size. */
  readonly files?: number | undefined;
  /** A driver that sends the log to a receiver, too: `syslog`, `journald`, `fluentd` or `gelf`. */
  readonly driver?: string | undefined;
  /** Docker's options of the driver: `syslog-address`; and `labels`, `env`, `tag`, which choose attributes. */
  readonly options?: Readonly<Record<string, string>> | undefined;
}

/** Networks, published ports, its names, and the files /etc/hosts, /etc/hostname and /etc/resolv.conf. */
export interface ContainerNetwork {
  readonly hostname?: string | undefined;
  readonly domainname?: string | undefined;
  /** Absent or empty: the default bridge. */
  readonly networks?: readonly EndpointSpec[] | undefined;
  /** Ports that are published on the host. */
  readonly ports?: readonly PortSpec[] | undefined;
  /** `80/tcp`, `8000-8010/udp`: ports that it listens on, in addition to the image's. */
  readonly exposedPorts?: readonly string[] | undefined;
  /** Publish every exposed port on a free port of the host. */
  readonly publishAll?: boolean | undefined;
  /** Name servers; they replace the host's, as do `dnsSearch` and `dnsOptions`. */
  readonly dns?: readonly string[] | undefined;
  readonly dnsSearch?: readonly string[] | undefined;
  readonly dnsOptions?: readonly string[] | undefined;
  /** `name:address`; `name:host-gateway` is the address at which the container reaches the host. */
  readonly extraHosts?: readonly string[] | undefined;
  /** First part of /etc/hosts: a file of the host (absolute path), "image" for the image's file, or "none". */
  readonly hostsFile?: string | undefined;
  /** True: /etc/hosts comes from the image and is not changed. */
  readonly ownsHosts?: boolean | undefined;
  /** True: /etc/hostname comes from the image and is not changed. */
  readonly ownsHostname?: boolean | undefined;
  /** Directories that also receive /etc/hosts, /etc/hostname and /etc/resolv.conf. */
  readonly chrootDirectories?: readonly string[] | undefined;
}

/** When it starts, restarts, stops and is removed, and which process of the host is notified. */
export interface ContainerLifecycle {
  /** Remove the container when it ends. */
  readonly autoRemove?: boolean | undefined;
  /** With autoRemove: remove the image, too, by the name in `image`, unless it is in use. */
  readonly removeImage?: boolean | undefined;
  readonly restartPolicy?: RestartPolicy | undefined;
  /** Containers that start before it, by name or id; the record contains ids. */
  readonly requires?: readonly ContainerReference[] | undefined;
  /** In a pod: it runs to its end at each start of the pod, before the others; "once": it is removed then. */
  readonly initContainer?: "always" | "once" | undefined;
  readonly stopSignal?: string | undefined;
  readonly stopGraceMs?: number | undefined;
  /** A longer run is killed. */
  readonly timeoutMs?: number | undefined;
  /** "process": the container ends with this program, even if that is killed (library only). */
  readonly lifetime?: "engine" | "process" | undefined;
  /** A member that is absent or 0 is the image's, `test: ["NONE"]` drops the image's check. */
  readonly healthcheck?: ImageHealthcheck | undefined;
  /** Absent: nothing happens to an unhealthy container. */
  readonly onUnhealthy?: UnhealthyAction | undefined;
  /** Receiver of an sd_notify(3) message at each start: READY=1, with the keeper as main process. */
  readonly notify?:
    | {
        /** Path of a datagram socket, or `@` and an abstract name. */
        readonly socket: string;
        /** Process whose systemd unit the message is about. */
        readonly pid?: number | undefined;
        /** Not before the first check of the run that succeeds. */
        readonly whenHealthy?: boolean | undefined;
        /** Start time of that process; the engine adds it. */
        readonly startTime?: string | undefined;
      }
    | undefined;
  /** Host file (absolute path) that receives the PID of the first process at each start. */
  readonly pidFile?: string | undefined;
  /** As `pidFile`, with the PID of the keeper. */
  readonly keeperPidFile?: string | undefined;
}
