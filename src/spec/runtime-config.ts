import type { IdRange } from "./id-map.ts";

/**
 * The OCI runtime specification's `config.json`, as far as Tare reads it: what the engine asks of the runtime.
 * Names and units are the specification's. SPEC: runtime-spec config.md, config-linux.md
 */
export interface RuntimeConfig {
  readonly ociVersion: string;
  readonly process: RuntimeProcess;
  readonly root: {
    readonly path: string;
    readonly readonly?: boolean;
    /** Device nodes in it can't be opened. Not of the specification. */
    readonly nodev?: boolean;
  };
  readonly hostname?: string;
  readonly domainname?: string;
  /** Applied in this order. */
  readonly mounts: readonly RuntimeMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: RuntimeLinux;
}

export interface RuntimeProcess {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly umask?: number;
    readonly additionalGids?: readonly number[];
  };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities?: RuntimeCapabilities;
  readonly rlimits?: readonly { readonly type: string; readonly soft: number; readonly hard: number }[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  /** In the specification the container has it (linux.personality); here each of its processes. */
  readonly personality?: "LINUX" | "LINUX32";
  readonly oomScoreAdj?: number;
}

/** Names as `CAP_NET_ADMIN`. */
export interface RuntimeCapabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface RuntimeMount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  /** As mount(8) and the specification name them: `ro`, `nosuid`, `rbind`, `rprivate`, `size=65536k`, … */
  readonly options?: readonly string[];
  /** Of an idmapped bind (`idmap`, `ridmap`): from the ids on its file system to the host's. Absent: the container's own. */
  readonly uidMappings?: readonly IdRange[];
  readonly gidMappings?: readonly IdRange[];
}

/** The type of a mount that is a file of StartOptions.memoryFiles; its source is the name there. Not of the specification. */
export const memoryFile = "memory-file";

/** An option of a cgroup mount that is read-only otherwise: what systemd manages is writable. Not of the specification. */
export const systemdCgroups = "rw-systemd";

export type RuntimeNamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

export interface RuntimeLinux {
  /** A type that is absent is shared with the engine; with a path it is joined, otherwise it is new. */
  readonly namespaces: readonly { readonly type: RuntimeNamespaceType; readonly path?: string }[];
  /** Of the user namespace. */
  readonly uidMappings?: readonly IdRange[];
  readonly gidMappings?: readonly IdRange[];
  readonly devices?: readonly RuntimeDevice[];
  readonly cgroupsPath?: string;
  readonly resources?: RuntimeResources;
  readonly rootfsPropagation?: string;
  readonly seccomp?: unknown;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  /** By clock: `monotonic`, `boottime`. */
  readonly timeOffsets?: Readonly<Record<string, { readonly secs: number; readonly nanosecs: number }>>;
  readonly sysctl?: Readonly<Record<string, string>>;
}

export interface RuntimeDevice {
  readonly type: "c" | "b" | "u" | "p";
  readonly path: string;
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface RuntimeResources {
  readonly memory?: {
    /** bytes */ readonly limit?: number;
    /** bytes of memory and swap together */ readonly swap?: number;
    /** bytes */ readonly reservation?: number;
    readonly disableOOMKiller?: boolean;
    readonly swappiness?: number;
    readonly kernelTCP?: number;
  };
  readonly cpu?: {
    readonly shares?: number;
    /** microseconds in each period */ readonly quota?: number;
    /** microseconds */ readonly period?: number;
    readonly cpus?: string;
    readonly mems?: string;
    /** microseconds */ readonly realtimePeriod?: number;
    /** microseconds in each period */ readonly realtimeRuntime?: number;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    readonly weight?: number;
    readonly weightDevice?: readonly {
      readonly major: number;
      readonly minor: number;
      readonly weight?: number;
    }[];
    readonly throttleReadBpsDevice?: readonly RuntimeThrottleDevice[];
    readonly throttleWriteBpsDevice?: readonly RuntimeThrottleDevice[];
    readonly throttleReadIOPSDevice?: readonly RuntimeThrottleDevice[];
    readonly throttleWriteIOPSDevice?: readonly RuntimeThrottleDevice[];
  };
  readonly hugepageLimits?: readonly {
    /** `2MB` */ readonly pageSize: string /** bytes */;
    readonly limit: number;
  }[];
  /** Files of cgroup v2. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface RuntimeThrottleDevice {
  readonly major: number;
  readonly minor: number;
  /** bytes or operations a second */ readonly rate: number;
}
