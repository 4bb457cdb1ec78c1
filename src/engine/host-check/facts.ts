import type { NamespaceType } from "../../linux/namespaces/namespaces.ts";

/**
 * The facts that were read from a host: plain data, from which findings follow. `undefined` stands for facts that this
 * user cannot see.
 */
export interface HostFacts {
  readonly privileges: PrivilegeFacts;
  readonly distribution: Distribution;
  /** systemd is the init system. */
  readonly hasSystemd: boolean;
  readonly kernel: KernelFacts;
  readonly cgroup: CgroupFacts;
  readonly limits: LimitFacts;
  readonly firewall: FirewallFacts;
  readonly disk: DiskFacts;
  readonly clock: ClockFacts;
  readonly resolver: ResolverFacts;
  /** Which of the optional programs are there, by name. */
  readonly programs: Readonly<Record<string, boolean>>;
  readonly daemon: DaemonFacts;
  /** CDI devices by name, and the files that have none because they are wrong. */
  readonly cdi: {
    readonly devices: readonly string[];
    readonly problems: readonly { readonly path: string; readonly problem: string }[];
  };
}

export interface PrivilegeFacts {
  readonly uid: number;
  /** Of CAP_SYS_ADMIN and the like, those that this process lacks. */
  readonly lacking: readonly string[];
  /** False inside a user namespace, whose root is an ordinary user of the host. */
  readonly isInitialUserNamespace: boolean;
}

/** SPEC: os-release(5) */
export interface Distribution {
  readonly id: string;
  readonly like: readonly string[];
}

/**
 * "loadable": a module that is installed and not loaded; "uninstalled": the kernel's build has it, this host's files do
 * not.
 */
export type ModuleState = "builtin" | "loaded" | "loadable" | "uninstalled" | "absent" | "unknown";

export interface FeatureFacts {
  readonly name: string;
  readonly since: string;
  readonly without: string;
  readonly importance: "needed" | "used" | "replaced";
  /** Undefined: it was not probed. */
  readonly isPresent: boolean | undefined;
  /** A module that its probe would load, and that is not loaded. Absent: the probe needs root. */
  readonly unloaded?: string | undefined;
  readonly isForcedAbsent: boolean;
}

export interface KernelFacts {
  /** `6.12.4-amd64`. */
  readonly release: string;
  /** `amd64`, `arm64`. */
  readonly architecture: string;
  /** Undefined: the addon was not loaded, so no system call could be made. */
  readonly features: readonly FeatureFacts[] | undefined;
  readonly missingCalls: readonly string[] | undefined;
  /** Why the addon was not loaded. */
  readonly addonProblem?: string | undefined;
  readonly namespaces: Readonly<
    Record<NamespaceType, { readonly isPresent: boolean; readonly limit?: number | undefined }>
  >;
  readonly modules: Readonly<Record<string, ModuleState>>;
  /** kernel.unprivileged_userns_clone of Debian's kernels. */
  readonly unprivilegedUsernsClone?: number | undefined;
  /** kernel.apparmor_restrict_unprivileged_userns of Ubuntu's kernels. */
  readonly restrictsUserns?: number | undefined;
  readonly hasSeccompFilter: boolean;
  readonly hasAppArmor: boolean;
  readonly securityModules: readonly string[] | undefined;
}

export interface CgroupFacts {
  /** "none": nothing is mounted. */
  readonly version: "v1" | "v2" | "hybrid" | "none";
  /** Where v2 is mounted. */
  readonly unifiedPath?: string | undefined;
  /** By name: the version of the hierarchy that has it. */
  readonly controllers: Readonly<Record<string, 1 | 2>>;
  /** Controllers that the kernel has, whether mounted or not; undefined without /proc/cgroups. */
  readonly disabled: readonly string[];
  /** Whether the hierarchies are mounted read-only. */
  readonly isReadOnly: boolean;
  readonly hasSwapAccounting: boolean;
  readonly hasFreezer: boolean;
  readonly hasPressure: boolean;
}

export interface LimitFacts {
  /** RLIMIT_NOFILE, hard; −1: none. */
  readonly openFiles: number | undefined;
  readonly pidMax: number;
  readonly threadsMax: number;
  readonly inotifyInstances: number;
  readonly inotifyWatches: number;
  readonly maxMapCount: number;
  /** kernel.keys.root_maxkeys. Undefined: the kernel has no keys. */
  readonly rootKeys: number | undefined;
  /** Undefined: connections are not tracked yet. */
  readonly connections: { readonly count: number; readonly max: number } | undefined;
}

export interface ShutChain {
  /** `ip filter FORWARD`. */
  readonly chainName: string;
  readonly direction: "outwards" | "within";
}

export interface FirewallFacts {
  /** "unloaded": a module that nothing has needed yet. Undefined: only root can ask. */
  readonly nfTables: "works" | "refused" | "unloaded" | undefined;
  /** net.ipv4.ip_forward */
  readonly forwards: boolean;
  /** net.bridge.bridge-nf-call-iptables */
  readonly filtersBridges: boolean;
  readonly shutChains: readonly ShutChain[] | undefined;
  /** Tables of iptables-legacy; undefined: only root can ask. */
  readonly legacyTables: readonly string[] | undefined;
  /** Programs that manage the firewall, and are active: `firewalld`, `ufw`, `docker`, `nftables`. */
  readonly managers: readonly string[];
}

export interface DiskFacts {
  readonly dataRoot: string;
  readonly runRoot: string;
  /** The data root, or the directory above it in which it will be created. */
  readonly lookedAt: string;
  /** `ext4`, as in the mount table. */
  readonly type: string;
  readonly mountPoint: string;
  /** The source of the mount: `/dev/sda1`. */
  readonly source: string;
  /** Of the mount: `nosuid`, `ro`. */
  readonly options: readonly string[];
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number;
  /** 0: the file system has no fixed number. */
  readonly totalInodes: number;
  /** The driver that the data root was created with; undefined: not visible, or none yet. */
  readonly driver: string | undefined;
  /** Undefined: this user may not write there. */
  readonly features:
    | {
        readonly entryTypes: boolean;
        readonly userXattr: boolean;
        readonly reflink: boolean;
        readonly projectQuota: boolean;
      }
    | undefined;
  readonly run: { readonly lookedAt: string; readonly type: string; readonly options: readonly string[] };
}

export interface ClockFacts {
  readonly nowMs: number;
  /** adjtimex(2) reports STA_UNSYNC. Undefined: it could not be asked. */
  readonly isSynchronized: boolean | undefined;
  /** How far the clock was set since the host booted, apart from running. Undefined: unknown. */
  readonly setByMs: number | undefined;
  /** The newest time in the data root's records. Undefined: not visible, or none. */
  readonly newestRecordMs: number | undefined;
  readonly source: string | undefined;
}

export interface ResolverFacts {
  readonly hasFile: boolean;
  /** Of /etc/resolv.conf. */
  readonly servers: readonly string[];
  /** Those that containers' names are asked of. */
  readonly upstreams: readonly string[];
}

export interface DaemonFacts {
  /** `unix:///run/tare/tare.sock` */
  readonly host: string;
  /**
   * "foreign": another engine serves there; "absent": there is no socket; "refused": no process listens; "denied": this
   * user may not; "silent": no answer.
   */
  readonly state: "serves" | "foreign" | "absent" | "refused" | "denied" | "silent" | "failed";
  readonly problem?: string | undefined;
  readonly version?: string | undefined;
  readonly buildId?: string | undefined;
  /** Of the program that asks; undefined: a library, which has no build. */
  readonly client?: { readonly version: string; readonly buildId: string } | undefined;
  readonly socketMode?: number | undefined;
  /** Of the socket, or, where that is not visible, of its directory. */
  readonly group?: { readonly gid: number; readonly name: string } | undefined;
  /** Whether this process is in the socket's group. */
  readonly isInGroup?: boolean | undefined;
  /** systemd starts the daemon. */
  readonly hasService: boolean;
}
