import type { SecretReference } from "./secret.ts";

/** The half of a container's settings that belongs to the host: `HostConfig` of the Docker Engine API. */
export interface HostConfig extends Resources {
  readonly Binds?: readonly string[] | null;
  readonly ContainerIDFile?: string;
  readonly LogConfig?: LogConfig | null;
  readonly NetworkMode?: string;
  readonly PortBindings?: Readonly<Record<string, readonly PortBinding[] | null>> | null;
  readonly RestartPolicy?: RestartPolicy | null;
  readonly AutoRemove?: boolean;
  readonly VolumeDriver?: string;
  readonly VolumesFrom?: readonly string[] | null;
  readonly Mounts?: readonly Mount[] | null;
  /** Rows, then columns. */
  readonly ConsoleSize?: readonly [height: number, width: number] | readonly number[] | null;
  readonly Annotations?: Readonly<Record<string, string>> | null;
  readonly CapAdd?: readonly string[] | null;
  readonly CapDrop?: readonly string[] | null;
  readonly CgroupnsMode?: string;
  readonly Dns?: readonly string[] | null;
  readonly DnsOptions?: readonly string[] | null;
  readonly DnsSearch?: readonly string[] | null;
  readonly ExtraHosts?: readonly string[] | null;
  readonly GroupAdd?: readonly string[] | null;
  readonly IpcMode?: string;
  readonly Cgroup?: string;
  readonly Links?: readonly string[] | null;
  readonly OomScoreAdj?: number;
  readonly PidMode?: string;
  readonly Privileged?: boolean;
  readonly PublishAllPorts?: boolean;
  readonly ReadonlyRootfs?: boolean;
  readonly SecurityOpt?: readonly string[] | null;
  readonly StorageOpt?: Readonly<Record<string, string>> | null;
  readonly Tmpfs?: Readonly<Record<string, string>> | null;
  readonly UTSMode?: string;
  readonly UsernsMode?: string;
  /** Bytes. */
  readonly ShmSize?: number;
  readonly Sysctls?: Readonly<Record<string, string>> | null;
  readonly Runtime?: string;
  readonly Isolation?: string;
  readonly MaskedPaths?: readonly string[] | null;
  readonly ReadonlyPaths?: readonly string[] | null;
  readonly Init?: boolean | null;
  /** What Docker has no field for. Docker's own daemon drops it. */
  readonly Tare?: TareHostConfig | null;
}

/**
 * Settings that Docker's API does not have: `HostConfig.Tare`. A field that the engine's configuration has as it is needs an
 * entry in plainTareFields, any other one code in `src/api/container/tare-fields.ts`. Flags set them by toTare()
 * (`src/cli/container/flags/request-fields.ts`).
 */
export interface TareHostConfig {
  /** The file mode mask of the first process, octal: `0027`. */
  readonly Umask?: string;
  /** `LINUX` or `LINUX32`. */
  readonly Personality?: string;
  /** The image's /etc/hosts stays. */
  readonly NoHosts?: boolean;
  /** The image's /etc/hostname stays. */
  readonly NoHostname?: boolean;
  /** Of a time namespace's clocks: `24h`, or `monotonic=24h,boottime=-1h`. */
  readonly TimeOffset?: string;
  /** Inspect's `Tare.RecordedProfile` gets the smallest seccomp profile that the run needs; it is slow. */
  readonly RecordCalls?: boolean;
  /** Bytes by the size of the pages: `{"2MB": "512m"}`. */
  readonly HugePageLimits?: Readonly<Record<string, string>> | null;
  /** Files of cgroup v2 and what is written to them: `{"memory.high": "1073741824"}`. */
  readonly CgroupConf?: Readonly<Record<string, string>> | null;
  /** The pod that it is made in, by name or id. */
  readonly Pod?: string;
  /** Containers that are started before it. */
  readonly Requires?: readonly string[] | null;
  /** `PATH=${PATH}:/more`: from the variables that it has. */
  readonly EnvMerge?: readonly string[] | null;
  /** `anonymous`, `tmpfs` or `ignore`. */
  readonly ImageVolumes?: string;
  /** Lines of /etc/passwd and /etc/group for a user or group without one. */
  readonly PasswdEntry?: string;
  readonly GroupEntry?: string;
  /** Users of the host. */
  readonly HostUsers?: readonly string[] | null;
  /** Directories that get /etc/hosts and its like, too. */
  readonly ChrootDirs?: readonly string[] | null;
  /** Seconds after which a run is killed; 0: never. */
  readonly TimeoutSeconds?: number;
  /** What /etc/hosts begins with: an absolute path of the host, `image` or `none`. */
  readonly HostsFile?: string;
  /** Told by sd_notify(3) at each start: READY, with the keeper as MAINPID; a path, or `@` and an abstract name. */
  readonly NotifySocket?: string;
  /** In whose name: a process of systemd's unit. */
  readonly NotifyPid?: number;
  /** `disabled`, `split`, or `enabled` (the default; `no-conmon` is the same). */
  readonly Cgroups?: string;
  /** Systemd mode: `always`, `true` (where the command is systemd or an init) or `false`. */
  readonly Systemd?: string;
  /** Bytes of each tmpfs of that mode; 0: half of the memory. */
  readonly ShmSizeSystemd?: number;
  /** A directory in /sys/fs/resctrl. */
  readonly RdtClass?: string;
  /** Files of the host that get the PID of the first process, and of the keeper, at each start. */
  readonly PidFile?: string;
  readonly KeeperPidFile?: string;
  /** It has no variables but its own: none of the image, and no PATH, HOSTNAME and TERM. */
  readonly UnsetEnvAll?: boolean;
  /** With AutoRemove: the image goes, too, by the name that it was asked for, unless something else uses it. */
  readonly RemoveImage?: boolean;
  /** Of `GET /tare/secrets`: what the container gets of them. */
  readonly Secrets?: readonly SecretReference[] | null;
  /** In an update: ports that are published from now on, as `PortBindings`. */
  readonly PublishAdd?: Readonly<Record<string, readonly PortBinding[] | null>> | null;
  /** In an update: ports that are published no more, by the host's: `8081`, `127.0.0.1:8000-8010/udp`. */
  readonly PublishRemove?: readonly string[] | null;
}

/** A field that is passed through to the engine's configuration as it is, if it is not empty. */
export interface PlainTareField {
  readonly kind: "text" | "texts" | "boolean";
  /** The group of ContainerSpec, and the member of it. */
  readonly group: "process" | "resources" | "storage" | "network" | "lifecycle";
  readonly member: string;
  /** The allowed values; absent: any. */
  readonly words?: readonly string[];
  /** Another field that must be set, too. */
  readonly needs?: keyof TareHostConfig;
}

export const plainTareFields: { readonly [K in keyof TareHostConfig]?: PlainTareField } = {
  ChrootDirs: { kind: "texts", group: "network", member: "chrootDirectories" },
  EnvMerge: { kind: "texts", group: "process", member: "envMerge" },
  GroupEntry: { kind: "text", group: "process", member: "groupEntry" },
  HostUsers: { kind: "texts", group: "process", member: "hostUsers" },
  HostsFile: { kind: "text", group: "network", member: "hostsFile" },
  ImageVolumes: {
    kind: "text",
    group: "storage",
    member: "imageVolumes",
    words: ["anonymous", "tmpfs", "ignore"],
  },
  PasswdEntry: { kind: "text", group: "process", member: "passwdEntry" },
  RdtClass: { kind: "text", group: "resources", member: "rdtClass" },
  RemoveImage: { kind: "boolean", group: "lifecycle", member: "removeImage" },
  Requires: { kind: "texts", group: "lifecycle", member: "requires" },
  UnsetEnvAll: { kind: "boolean", group: "process", member: "clearEnv" },
};

export interface Resources {
  readonly CpuShares?: number;
  /** Bytes. */
  readonly Memory?: number;
  readonly CgroupParent?: string;
  readonly BlkioWeight?: number;
  readonly BlkioWeightDevice?: readonly { readonly Path: string; readonly Weight: number }[] | null;
  readonly BlkioDeviceReadBps?: readonly ThrottleDevice[] | null;
  readonly BlkioDeviceWriteBps?: readonly ThrottleDevice[] | null;
  readonly BlkioDeviceReadIOps?: readonly ThrottleDevice[] | null;
  readonly BlkioDeviceWriteIOps?: readonly ThrottleDevice[] | null;
  readonly CpuPeriod?: number;
  readonly CpuQuota?: number;
  readonly CpuRealtimePeriod?: number;
  readonly CpuRealtimeRuntime?: number;
  readonly CpusetCpus?: string;
  readonly CpusetMems?: string;
  readonly Devices?: readonly DeviceMapping[] | null;
  readonly DeviceCgroupRules?: readonly string[] | null;
  readonly DeviceRequests?: readonly DeviceRequest[] | null;
  readonly KernelMemory?: number;
  readonly KernelMemoryTCP?: number;
  readonly MemoryReservation?: number;
  /** Memory and swap together; −1: no limit. */
  readonly MemorySwap?: number;
  readonly MemorySwappiness?: number | null;
  readonly NanoCpus?: number;
  readonly OomKillDisable?: boolean | null;
  readonly PidsLimit?: number | null;
  readonly Ulimits?: readonly Ulimit[] | null;
  readonly CpuCount?: number;
  readonly CpuPercent?: number;
  readonly IOMaximumIOps?: number;
  readonly IOMaximumBandwidth?: number;
}

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

export interface ThrottleDevice {
  readonly Path: string;
  readonly Rate: number;
}

export interface DeviceMapping {
  readonly PathOnHost?: string;
  readonly PathInContainer?: string;
  readonly CgroupPermissions?: string;
}

export interface DeviceRequest {
  readonly Driver?: string;
  readonly Count?: number;
  readonly DeviceIDs?: readonly string[] | null;
  readonly Capabilities?: readonly (readonly string[])[] | null;
  readonly Options?: Readonly<Record<string, string>> | null;
}

export interface LogConfig {
  readonly Type?: string;
  readonly Config?: Readonly<Record<string, string>> | null;
}

export interface RestartPolicy {
  readonly Name?: string;
  readonly MaximumRetryCount?: number;
}

export interface PortBinding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

export interface Mount {
  readonly Type?: "bind" | "volume" | "tmpfs" | "image" | "npipe" | "cluster";
  readonly Target?: string;
  readonly Source?: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: {
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
    readonly ReadOnlyNonRecursive?: boolean;
    readonly ReadOnlyForceRecursive?: boolean;
    /** Ours: the host's `UID:GID` who owns what the container's user makes; "" for the owner of the source. */
    readonly IdMap?: string;
  } | null;
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly DriverConfig?: {
      readonly Name?: string;
      readonly Options?: Readonly<Record<string, string>> | null;
    } | null;
    readonly Subpath?: string;
  } | null;
  readonly ImageOptions?: { readonly Subpath?: string } | null;
  readonly TmpfsOptions?: {
    readonly SizeBytes?: number;
    readonly Mode?: number;
    readonly Options?: readonly (readonly string[])[] | null;
  } | null;
}
