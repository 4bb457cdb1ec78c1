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
    readonly readonly?: boolean | undefined;
    /** Device nodes in it can't be opened. Not of the specification. */
    readonly nodev?: boolean | undefined;
  };
  readonly hostname?: string | undefined;
  readonly domainname?: string | undefined;
  /** Applied in this order. */
  readonly mounts: readonly RuntimeMount[];
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly linux: RuntimeLinux;
}

export interface RuntimeProcess {
  readonly terminal?: boolean | undefined;
  readonly consoleSize?: { readonly height: number; readonly width: number } | undefined;
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly umask?: number | undefined;
    readonly additionalGids?: readonly number[] | undefined;
  };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities?: RuntimeCapabilities | undefined;
  readonly rlimits?:
    | readonly { readonly type: string; readonly soft: number; readonly hard: number }[]
    | undefined;
  readonly noNewPrivileges?: boolean | undefined;
  readonly apparmorProfile?: string | undefined;
  /** In the specification the container has it (linux.personality); here each of its processes. */
  readonly personality?: "LINUX" | "LINUX32" | undefined;
  readonly oomScoreAdj?: number | undefined;
}

/** Names as `CAP_NET_ADMIN`. */
export interface RuntimeCapabilities {
  readonly bounding?: readonly string[] | undefined;
  readonly effective?: readonly string[] | undefined;
  readonly inheritable?: readonly string[] | undefined;
  readonly permitted?: readonly string[] | undefined;
  readonly ambient?: readonly string[] | undefined;
}

export interface RuntimeMount {
  readonly destination: string;
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  /** As mount(8) and the specification name them: `ro`, `nosuid`, `rbind`, `rprivate`, `size=65536k`, … */
  readonly options?: readonly string[] | undefined;
  /**
   * Of an idmapped bind (`idmap`, `ridmap`): from the ids on its file system to the host's. Absent: the container's
   * own.
   */
  readonly uidMappings?: readonly IdRange[] | undefined;
  readonly gidMappings?: readonly IdRange[] | undefined;
}

/**
 * The type of a mount that is a file of StartOptions.memoryFiles; its source is the name there. Not of the
 * specification.
 */
export const memoryFile = "memory-file";

/**
 * An option of a cgroup mount that is read-only otherwise: what systemd manages is writable. Not of the specification.
 */
export const systemdCgroups = "rw-systemd";

export type RuntimeNamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

export interface RuntimeLinux {
  /** A type that is absent is shared with the engine; with a path it is joined, otherwise it is new. */
  readonly namespaces: readonly { readonly type: RuntimeNamespaceType; readonly path?: string | undefined }[];
  /** Of the user namespace. */
  readonly uidMappings?: readonly IdRange[] | undefined;
  readonly gidMappings?: readonly IdRange[] | undefined;
  readonly devices?: readonly RuntimeDevice[] | undefined;
  readonly cgroupsPath?: string | undefined;
  readonly resources?: RuntimeResources | undefined;
  readonly rootfsPropagation?: string | undefined;
  readonly seccomp?: unknown;
  readonly maskedPaths?: readonly string[] | undefined;
  readonly readonlyPaths?: readonly string[] | undefined;
  /** By clock: `monotonic`, `boottime`. */
  readonly timeOffsets?:
    | Readonly<Record<string, { readonly secs: number; readonly nanosecs: number }>>
    | undefined;
  readonly sysctl?: Readonly<Record<string, string>> | undefined;
}

export interface RuntimeDevice {
  readonly type: "c" | "b" | "u" | "p";
  readonly path: string;
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  readonly fileMode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface RuntimeResources {
  readonly memory?:
    | {
        /** bytes */ readonly limit?: number | undefined;
        /** bytes of memory and swap together */ readonly swap?: number | undefined;
        /** bytes */ readonly reservation?: number | undefined;
        readonly disableOOMKiller?: boolean | undefined;
        readonly swappiness?: number | undefined;
        readonly kernelTCP?: number | undefined;
      }
    | undefined;
  readonly cpu?:
    | {
        readonly shares?: number | undefined;
        /** microseconds in each period */ readonly quota?: number | undefined;
        /** microseconds */ readonly period?: number | undefined;
        readonly cpus?: string | undefined;
        readonly mems?: string | undefined;
        /** microseconds */ readonly realtimePeriod?: number | undefined;
        /** microseconds in each period */ readonly realtimeRuntime?: number | undefined;
      }
    | undefined;
  readonly pids?: { readonly limit: number } | undefined;
  readonly blockIO?:
    | {
        readonly weight?: number | undefined;
        readonly weightDevice?:
          | readonly {
              readonly major: number;
              readonly minor: number;
              readonly weight?: number | undefined;
            }[]
          | undefined;
        readonly throttleReadBpsDevice?: readonly RuntimeThrottleDevice[] | undefined;
        readonly throttleWriteBpsDevice?: readonly RuntimeThrottleDevice[] | undefined;
        readonly throttleReadIOPSDevice?: readonly RuntimeThrottleDevice[] | undefined;
        readonly throttleWriteIOPSDevice?: readonly RuntimeThrottleDevice[] | undefined;
      }
    | undefined;
  readonly hugepageLimits?:
    | readonly {
        /** `2MB` */ readonly pageSize: string /** bytes */;
        readonly limit: number;
      }[]
    | undefined;
  /** Files of cgroup v2. */
  readonly unified?: Readonly<Record<string, string>> | undefined;
}

export interface RuntimeThrottleDevice {
  readonly major: number;
  readonly minor: number;
  /** bytes or operations a second */ readonly rate: number;
}
