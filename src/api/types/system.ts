/** The headers of `/_ping`. */
export interface Ping {
  readonly apiVersion: string;
  readonly osType: string;
  readonly experimental: boolean;
  readonly builderVersion: string;
  /** Undefined when the daemon is not Tare. */
  readonly tareBuild?: string | undefined;
}

/** `GET /version`. */
export interface SystemVersion {
  readonly Platform: { readonly Name: string };
  readonly Components: readonly {
    readonly Name: string;
    readonly Version: string;
    readonly Details?: Readonly<Record<string, string>> | undefined;
  }[];
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion: string;
  readonly GitCommit: string;
  /** Docker's field for its compiler; ours names the JavaScript runtime. */
  readonly GoVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly KernelVersion: string;
  readonly Experimental?: boolean | undefined;
  readonly BuildTime: string;
}

/** `GET /info`. */
export interface SystemInfo {
  readonly ID: string;
  readonly Containers: number;
  readonly ContainersRunning: number;
  readonly ContainersPaused: number;
  readonly ContainersStopped: number;
  readonly Images: number;
  readonly Driver: string;
  readonly DriverStatus: readonly (readonly string[])[];
  readonly DockerRootDir: string;
  readonly Plugins: {
    readonly Volume: readonly string[];
    readonly Network: readonly string[];
    readonly Authorization: readonly string[] | null;
    readonly Log: readonly string[];
  };
  readonly MemoryLimit: boolean;
  readonly SwapLimit: boolean;
  readonly CpuCfsPeriod: boolean;
  readonly CpuCfsQuota: boolean;
  readonly CPUShares: boolean;
  readonly CPUSet: boolean;
  readonly PidsLimit: boolean;
  readonly OomKillDisable: boolean;
  readonly IPv4Forwarding: boolean;
  /** Before 1.50. */
  readonly BridgeNfIptables?: boolean | undefined;
  readonly BridgeNfIp6tables?: boolean | undefined;
  readonly Debug: boolean;
  readonly NFd: number;
  readonly NGoroutines: number;
  readonly SystemTime: string;
  readonly LoggingDriver: string;
  readonly CgroupDriver: "cgroupfs" | "systemd" | "none";
  readonly CgroupVersion: "1" | "2";
  readonly NEventsListener: number;
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  readonly OSVersion: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly IndexServerAddress: string;
  readonly RegistryConfig: {
    readonly InsecureRegistryCIDRs: readonly string[];
    readonly IndexConfigs: Readonly<Record<string, object>>;
    readonly Mirrors: readonly string[];
    /** Before 1.47. */
    readonly AllowNondistributableArtifactsCIDRs?: null;
    readonly AllowNondistributableArtifactsHostnames?: null;
  } | null;
  readonly GenericResources: null;
  readonly HttpProxy: string;
  readonly HttpsProxy: string;
  readonly NoProxy: string;
  readonly Name: string;
  readonly Labels: readonly string[];
  readonly ExperimentalBuild: boolean;
  readonly ServerVersion: string;
  readonly Runtimes: Readonly<Record<string, { readonly path: string }>>;
  readonly DefaultRuntime: string;
  readonly Swarm: {
    readonly NodeID: string;
    readonly NodeAddr: string;
    readonly LocalNodeState: string;
    readonly ControlAvailable: boolean;
    readonly Error: string;
    readonly RemoteManagers: null;
  };
  readonly LiveRestoreEnabled: boolean;
  readonly Isolation: string;
  readonly InitBinary: string;
  readonly ContainerdCommit: Commit;
  readonly RuncCommit: Commit;
  readonly InitCommit: Commit;
  readonly SecurityOptions: readonly string[];
  /** Since 1.49. */
  readonly FirewallBackend?: { readonly Driver: string } | undefined;
  readonly CDISpecDirs?: readonly string[] | null | undefined;
  /** Since 1.50. */
  readonly DiscoveredDevices?: readonly { readonly Source: string; readonly ID: string }[] | undefined;
  readonly Warnings: readonly string[] | null;
}

export interface Commit {
  readonly ID: string;
  /** Gone since 1.49. */
  readonly Expected?: string | undefined;
}
