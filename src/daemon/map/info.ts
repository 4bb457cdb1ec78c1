import type { SystemInfo, SystemVersion } from "../../api/types/system.ts";
import { formatApiVersion, maximumVersion, minimumVersion } from "../../api/http/version.ts";
import { defaultLogDriver, logDrivers } from "../../spec/log-driver/log-drivers.ts";
import type { RegistryOverrides } from "../../spec/registry/registry-overrides.ts";
import type { EngineInfo } from "../../model/engine.ts";
import type { DaemonConfiguration } from "../configuration.ts";
import type { DaemonFacts } from "../handler.ts";

/** The architecture as Go names it, where the kernel's name differs. */
const goArchitectures: Readonly<Record<string, string>> = { x86_64: "amd64", x64: "amd64", aarch64: "arm64" };
const kernelArchitectures: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  x64: "x86_64",
  arm64: "aarch64",
};

/** `GET /info` */
export function infoOf(
  info: EngineInfo,
  facts: DaemonFacts,
  {
    forwardsIpv4,
    configuration,
  }: { readonly forwardsIpv4: boolean; readonly configuration: DaemonConfiguration },
): SystemInfo {
  const { labels, registries, createDefaults, logLevel } = configuration;
  const warnings = [...configuration.warnings, ...info.warnings];
  const has = (controller: string): boolean => Object.hasOwn(info.cgroups.controllers, controller);
  const { running, paused, stopped } = info.containers;
  return {
    ID: info.id,
    Containers: running + paused + stopped,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: info.images,
    Driver: info.storage.driver,
    DriverStatus: info.storage.status,
    DockerRootDir: info.dataRoot,
    Plugins: {
      Volume: [],
      Network: info.networkDrivers,
      Authorization:
        configuration.authorizationPlugins.length === 0 ? null : configuration.authorizationPlugins,
      Log: logDrivers,
    },
    MemoryLimit: has("memory"),
    SwapLimit: has("memory"),
    CpuCfsPeriod: has("cpu"),
    CpuCfsQuota: has("cpu"),
    CPUShares: has("cpu"),
    CPUSet: has("cpuset"),
    PidsLimit: has("pids"),
    OomKillDisable: info.cgroups.controllers["memory"] === "v1",
    IPv4Forwarding: forwardsIpv4,
    Debug: logLevel === "debug",
    NFd: 0,
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: createDefaults.log?.Type ?? defaultLogDriver,
    CgroupDriver: "cgroupfs",
    CgroupVersion: info.cgroups.version === "2" ? "2" : "1",
    NEventsListener: 0,
    KernelVersion: info.kernelVersion,
    OperatingSystem: info.operatingSystem,
    OSVersion: "",
    OSType: "linux",
    Architecture: kernelArchitectures[info.architecture] ?? info.architecture,
    NCPU: info.cpus,
    MemTotal: info.memoryBytes,
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: registryConfigOf(registries),
    GenericResources: null,
    HttpProxy: withoutPassword(registries.proxies?.http),
    HttpsProxy: withoutPassword(registries.proxies?.https),
    NoProxy: registries.proxies?.no ?? "",
    Name: info.name,
    Labels: labels,
    ExperimentalBuild: false,
    ServerVersion: facts.version,
    Runtimes: { tare: { path: "tare" } },
    DefaultRuntime: "tare",
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: "",
    ContainerdCommit: { ID: "" },
    RuncCommit: { ID: "" },
    InitCommit: { ID: "" },
    SecurityOptions: ["name=seccomp,profile=builtin", "name=cgroupns"],
    FirewallBackend: { Driver: "nftables" },
    CDISpecDirs: info.cdi.directories,
    DiscoveredDevices:
      info.cdi.devices.length === 0 ? undefined : info.cdi.devices.map((ID) => ({ Source: "cdi", ID })),
    Warnings: warnings.length === 0 ? null : warnings,
  };
}

/** As dockerd describes Docker Hub's mirrors and the registries that may be insecure. */
function registryConfigOf({ insecure = [], mirrors = [] }: RegistryOverrides): SystemInfo["RegistryConfig"] {
  const indexOf = (Name: string, secure: boolean, own: readonly string[]): object => ({
    Name,
    Mirrors: own,
    Secure: secure,
    Official: Name === "docker.io",
  });
  const asUrls = mirrors.map((mirror) => (mirror.endsWith("/") ? mirror : `${mirror}/`));
  const isPlain = insecure.length === 0 && mirrors.length === 0;
  const hub = isPlain ? {} : { "docker.io": indexOf("docker.io", true, asUrls) };
  return {
    InsecureRegistryCIDRs: [],
    IndexConfigs: {
      ...hub,
      ...Object.fromEntries(insecure.map((name) => [name, indexOf(name, false, [])])),
    },
    Mirrors: asUrls,
  };
}

/** As dockerd masks the credentials of a proxy. */
function withoutPassword(proxy = ""): string {
  return proxy.replace(/\/\/[^@/]*@/, "//xxxxx:xxxxx@");
}

/** `GET /version` */
export function versionOf(info: EngineInfo, facts: DaemonFacts): SystemVersion {
  const architecture = goArchitectures[info.architecture] ?? info.architecture;
  const shared = {
    ApiVersion: formatApiVersion(maximumVersion),
    MinAPIVersion: formatApiVersion(minimumVersion),
    GitCommit: facts.gitCommit,
    GoVersion: runtimeText(),
    Os: "linux",
    Arch: architecture,
    KernelVersion: info.kernelVersion,
    BuildTime: facts.buildTime,
  };
  return {
    Platform: { Name: "Tare" },
    Components: [
      {
        Name: "Engine",
        Version: facts.version,
        Details: { ...shared, BuildId: facts.buildId, Experimental: "false" },
      },
    ],
    Version: facts.version,
    ...shared,
  };
}

function runtimeText(): string {
  const { bun, node } = process.versions;
  return bun === undefined ? `node ${node}` : `bun ${bun}`;
}
