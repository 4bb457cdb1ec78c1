import type { SecretReference } from "./secret.ts";

/** The half of a container's settings that belongs to the host: `HostConfig` of the Docker Engine API. */
export interface HostConfig extends Resources {
  readonly Binds?: readonly string[] | null | undefined;
  readonly ContainerIDFile?: string | undefined;
  readonly LogConfig?: LogConfig | null | undefined;
  readonly NetworkMode?: string | undefined;
  readonly PortBindings?: Readonly<Record<string, readonly PortBinding[] | null>> | null | undefined;
  readonly RestartPolicy?: RestartPolicy | null | undefined;
  readonly AutoRemove?: boolean | undefined;
  readonly VolumeDriver?: string | undefined;
  readonly VolumesFrom?: readonly string[] | null | undefined;
  readonly Mounts?: readonly Mount[] | null | undefined;
  /** Rows, then columns. */
  readonly ConsoleSize?: readonly [height: number, width: number] | readonly number[] | null | undefined;
  readonly Annotations?: Readonly<Record<string, string>> | null | undefined;
  readonly CapAdd?: readonly string[] | null | undefined;
  readonly CapDrop?: readonly string[] | null | undefined;
  readonly CgroupnsMode?: string | undefined;
  readonly Dns?: readonly string[] | null | undefined;
  readonly DnsOptions?: readonly string[] | null | undefined;
  readonly DnsSearch?: readonly string[] | null | undefined;
  readonly ExtraHosts?: readonly string[] | null | undefined;
  readonly GroupAdd?: readonly string[] | null | undefined;
  readonly IpcMode?: string | undefined;
  readonly Cgroup?: string | undefined;
  readonly Links?: readonly string[] | null | undefined;
  readonly OomScoreAdj?: number | undefined;
  readonly PidMode?: string | undefined;
  readonly Privileged?: boolean | undefined;
  readonly PublishAllPorts?: boolean | undefined;
  readonly ReadonlyRootfs?: boolean | undefined;
  readonly SecurityOpt?: readonly string[] | null | undefined;
  readonly StorageOpt?: Readonly<Record<string, string>> | null | undefined;
  readonly Tmpfs?: Readonly<Record<string, string>> | null | undefined;
  readonly UTSMode?: string | undefined;
  readonly UsernsMode?: string | undefined;
  /** Bytes. */
  readonly ShmSize?: number | undefined;
  readonly Sysctls?: Readonly<Record<string, string>> | null | undefined;
  readonly Runtime?: string | undefined;
  readonly Isolation?: string | undefined;
  readonly MaskedPaths?: readonly string[] | null | undefined;
  readonly ReadonlyPaths?: readonly string[] | null | undefined;
  readonly Init?: boolean | null | undefined;
  /** Extensions without a field in Docker. Docker's own daemon drops it. */
  readonly Tare?: TareHostConfig | null | undefined;
}

/**
 * Settings that Docker's API does not have: `HostConfig.Tare`. A field that the engine's configuration has as it is
 * needs an entry in plainTareFields, any other one code in `src/api/container/tare-fields.ts`. Flags set them by
 * toTare() (`src/cli/container/flags/request-fields.ts`).
 */
export interface TareHostConfig {
  /** The file mode mask of the first process, octal: `0027`. */
  readonly Umask?: string | undefined;
  /** `LINUX` or `LINUX32`. */
  readonly Personality?: string | undefined;
  /** The image's /etc/hosts stays. */
  readonly NoHosts?: boolean | undefined;
  /** The image's /etc/hostname stays. */
  readonly NoHostname?: boolean | undefined;
  /** Of a time namespace's clocks: `24h`, or `monotonic=24h,boottime=-1h`. */
  readonly TimeOffset?: string | undefined;
  /** Inspect's `Tare.RecordedProfile` gets the smallest seccomp profile that the run needs; it is slow. */
  readonly RecordCalls?: boolean | undefined;
  /** Bytes by the size of the pages: `{"2MB": "512m"}`. */
  readonly HugePageLimits?: Readonly<Record<string, string>> | null | undefined;
  /** Files of cgroup v2 and what is written to them: `{"memory.high": "1073741824"}`. */
  readonly CgroupConf?: Readonly<Record<string, string>> | null | undefined;
  /** The pod that it is made in, by name or id. */
  readonly Pod?: string | undefined;
  /** Containers that are started before it. */
  readonly Requires?: readonly string[] | null | undefined;
  /** `PATH=${PATH}:/more`: from the variables that it has. */
  readonly EnvMerge?: readonly string[] | null | undefined;
  /** In a pod: `always` runs it to its end at each start of the pod, before the others; `once` removes it then. */
  readonly InitContainer?: string | undefined;
  /** `anonymous`, `tmpfs` or `ignore`. */
  readonly ImageVolumes?: string | undefined;
  /** Lines of /etc/passwd and /etc/group for a user or group without one. */
  readonly PasswdEntry?: string | undefined;
  readonly GroupEntry?: string | undefined;
  /** Users of the host. */
  readonly HostUsers?: readonly string[] | null | undefined;
  /** Directories that get /etc/hosts and its like, too. */
  readonly ChrootDirs?: readonly string[] | null | undefined;
  /** Seconds after which a run is killed; 0: never. */
  readonly TimeoutSeconds?: number | undefined;
  /** What happens to the container when it becomes unhealthy: `kill`, `restart` or `stop`. */
  readonly HealthOnFailure?: string | undefined;
  /** The base of /etc/hosts: an absolute path of the host, `image` or `none`. */
  readonly HostsFile?: string | undefined;
  /**
   * The sd_notify(3) socket that receives READY at each start, with the keeper as MAINPID: a path, or `@` and an
   * abstract name.
   */
  readonly NotifySocket?: string | undefined;
  /** In whose name: a process of systemd's unit. */
  readonly NotifyPid?: number | undefined;
  /** Not at the start, but with the first check that succeeds. */
  readonly NotifyHealthy?: boolean | undefined;
  /** `disabled`, `split`, or `enabled` (the default; `no-conmon` is the same). */
  readonly Cgroups?: string | undefined;
  /** Systemd mode: `always`, `true` (where the command is systemd or an init) or `false`. */
  readonly Systemd?: string | undefined;
  /** Bytes of each tmpfs of that mode; 0: half of the memory. */
  readonly ShmSizeSystemd?: number | undefined;
  /** A directory in /sys/fs/resctrl. */
  readonly RdtClass?: string | undefined;
  /** Files of the host that get the PID of the first process, and of the keeper, at each start. */
  readonly PidFile?: string | undefined;
  readonly KeeperPidFile?: string | undefined;
  /** It has no variables but its own: none of the image, and no PATH, HOSTNAME and TERM. */
  readonly UnsetEnvAll?: boolean | undefined;
  /** With AutoRemove: the image goes, too, by the name that it was asked for, unless something else uses it. */
  readonly RemoveImage?: boolean | undefined;
  /** Of `GET /tare/secrets`: what the container gets of them. */
  readonly Secrets?: readonly SecretReference[] | null | undefined;
  /** In an update: ports that are published from now on, as `PortBindings`. */
  readonly PublishAdd?: Readonly<Record<string, readonly PortBinding[] | null>> | null | undefined;
  /** In an update: ports that are published no more, by the host's: `8081`, `127.0.0.1:8000-8010/udp`. */
  readonly PublishRemove?: readonly string[] | null | undefined;
}

/** A field that is passed through to the engine's configuration as it is, if it is not empty. */
export interface PlainTareField {
  readonly kind: "text" | "texts" | "boolean";
  /** The group of ContainerSpec, and the member of it. */
  readonly group: "process" | "resources" | "storage" | "network" | "lifecycle";
  readonly member: string;
  /** The allowed values; absent: any. */
  readonly words?: readonly string[] | undefined;
  /** Another field that must be set, too. */
  readonly needs?: keyof TareHostConfig | undefined;
}

export const plainTareFields = {
  ChrootDirs: { kind: "texts", group: "network", member: "chrootDirectories" },
  EnvMerge: { kind: "texts", group: "process", member: "envMerge" },
  GroupEntry: { kind: "text", group: "process", member: "groupEntry" },
  HealthOnFailure: {
    kind: "text",
    group: "lifecycle",
    member: "onUnhealthy",
    words: ["kill", "restart", "stop"],
  },
  HostUsers: { kind: "texts", group: "process", member: "hostUsers" },
  HostsFile: { kind: "text", group: "network", member: "hostsFile" },
  ImageVolumes: {
    kind: "text",
    group: "storage",
    member: "imageVolumes",
    words: ["anonymous", "tmpfs", "ignore"],
  },
  InitContainer: {
    kind: "text",
    group: "lifecycle",
    member: "initContainer",
    words: ["always", "once"],
    needs: "Pod",
  },
  PasswdEntry: { kind: "text", group: "process", member: "passwdEntry" },
  RdtClass: { kind: "text", group: "resources", member: "rdtClass" },
  RemoveImage: { kind: "boolean", group: "lifecycle", member: "removeImage" },
  Requires: { kind: "texts", group: "lifecycle", member: "requires" },
  UnsetEnvAll: { kind: "boolean", group: "process", member: "clearEnv" },
} as const;

export interface Resources {
  readonly CpuShares?: number | undefined;
  /** Bytes. */
  readonly Memory?: number | undefined;
  readonly CgroupParent?: string | undefined;
  readonly BlkioWeight?: number | undefined;
  readonly BlkioWeightDevice?:
    | readonly { readonly Path?: string | undefined; readonly Weight?: number | undefined }[]
    | null
    | undefined;
  readonly BlkioDeviceReadBps?: readonly ThrottleDevice[] | null | undefined;
  readonly BlkioDeviceWriteBps?: readonly ThrottleDevice[] | null | undefined;
  readonly BlkioDeviceReadIOps?: readonly ThrottleDevice[] | null | undefined;
  readonly BlkioDeviceWriteIOps?: readonly ThrottleDevice[] | null | undefined;
  readonly CpuPeriod?: number | undefined;
  readonly CpuQuota?: number | undefined;
  readonly CpuRealtimePeriod?: number | undefined;
  readonly CpuRealtimeRuntime?: number | undefined;
  readonly CpusetCpus?: string | undefined;
  readonly CpusetMems?: string | undefined;
  readonly Devices?: readonly DeviceMapping[] | null | undefined;
  readonly DeviceCgroupRules?: readonly string[] | null | undefined;
  readonly DeviceRequests?: readonly DeviceRequest[] | null | undefined;
  readonly KernelMemory?: number | undefined;
  readonly KernelMemoryTCP?: number | undefined;
  readonly MemoryReservation?: number | undefined;
  /** Memory and swap together; −1: no limit. */
  readonly MemorySwap?: number | undefined;
  readonly MemorySwappiness?: number | null | undefined;
  readonly NanoCpus?: number | undefined;
  readonly OomKillDisable?: boolean | null | undefined;
  readonly PidsLimit?: number | null | undefined;
  readonly Ulimits?: readonly Ulimit[] | null | undefined;
  readonly CpuCount?: number | undefined;
  readonly CpuPercent?: number | undefined;
  readonly IOMaximumIOps?: number | undefined;
  readonly IOMaximumBandwidth?: number | undefined;
}

export interface Ulimit {
  readonly Name?: string | undefined;
  readonly Soft?: number | undefined;
  readonly Hard?: number | undefined;
}

export interface ThrottleDevice {
  readonly Path?: string | undefined;
  readonly Rate?: number | undefined;
}

export interface DeviceMapping {
  readonly PathOnHost?: string | undefined;
  readonly PathInContainer?: string | undefined;
  readonly CgroupPermissions?: string | undefined;
}

export interface DeviceRequest {
  readonly Driver?: string | undefined;
  readonly Count?: number | undefined;
  readonly DeviceIDs?: readonly string[] | null | undefined;
  readonly Capabilities?: readonly (readonly string[])[] | null | undefined;
  readonly Options?: Readonly<Record<string, string>> | null | undefined;
}

export interface LogConfig {
  readonly Type?: string | undefined;
  readonly Config?: Readonly<Record<string, string>> | null | undefined;
}

export interface RestartPolicy {
  readonly Name?: string | undefined;
  readonly MaximumRetryCount?: number | undefined;
}

export interface PortBinding {
  readonly HostIp?: string | undefined;
  readonly HostPort?: string | undefined;
}

export interface Mount {
  /** `bind`, `volume`, `tmpfs` or `image`; `npipe` and `cluster` are refused. */
  readonly Type?: string | undefined;
  readonly Target?: string | undefined;
  readonly Source?: string | undefined;
  readonly ReadOnly?: boolean | undefined;
  readonly Consistency?: string | undefined;
  readonly BindOptions?:
    | {
        readonly Propagation?: string | undefined;
        readonly NonRecursive?: boolean | undefined;
        readonly CreateMountpoint?: boolean | undefined;
        readonly ReadOnlyNonRecursive?: boolean | undefined;
        readonly ReadOnlyForceRecursive?: boolean | undefined;
        /**
         * Extension: the host's `UID:GID` that owns new files of the container's user; "" for the owner of the source.
         */
        readonly IdMap?: string | undefined;
      }
    | null
    | undefined;
  readonly VolumeOptions?:
    | {
        readonly NoCopy?: boolean | undefined;
        readonly Labels?: Readonly<Record<string, string>> | null | undefined;
        readonly DriverConfig?:
          | {
              readonly Name?: string | undefined;
              readonly Options?: Readonly<Record<string, string>> | null | undefined;
            }
          | null
          | undefined;
        readonly Subpath?: string | undefined;
      }
    | null
    | undefined;
  readonly ImageOptions?: { readonly Subpath?: string | undefined } | null | undefined;
  readonly TmpfsOptions?:
    | {
        readonly SizeBytes?: number | undefined;
        readonly Mode?: number | undefined;
        readonly Options?: readonly (readonly string[])[] | null | undefined;
      }
    | null
    | undefined;
}
