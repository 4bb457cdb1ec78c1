import { mergeDefined } from "../../base/defined.ts";
import { formatHostConfig } from "../../api/container/format-host-config.ts";
import { formatLimits } from "../../api/container/format-limits.ts";
import { limitNames } from "../../api/container/limits.ts";
import { formatRestartPolicy } from "../../api/container/restart-policy.ts";
import { formatPortBindings } from "../../api/container/published-ports.ts";
import { formatTareFields } from "../../api/container/tare-fields.ts";
import { formatUserNamespaceMode } from "../../spec/user-namespace-mode.ts";
import type { DeviceRequest, HostConfig, TareHostConfig } from "../../api/types/host-config.ts";
import type { ContainerSpec, NamespaceMode } from "../../model/container-spec.ts";
import type { ContainerDetails } from "../../model/containers.ts";

const nothingSaid: HostConfig = {
  Binds: null,
  ContainerIDFile: "",
  LogConfig: { Type: "json-file", Config: {} },
  NetworkMode: "default",
  PortBindings: {},
  RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: "private",
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: "private",
  Cgroup: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: "",
  UsernsMode: "",
  ShmSize: 64 * 1024 * 1024,
  Runtime: "tare",
  Isolation: "",
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  Ulimits: [],
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};

/** `HostConfig` of inspect: as the client sent it; for a container of the library, derived from its spec. */
export function hostConfigOf(details: ContainerDetails): HostConfig {
  const { spec, effective, networkMode } = details;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the model keeps what a client of the API sent without knowing its type
  const sent = spec.received?.hostConfig as HostConfig | undefined;
  const restartPolicy = spec.lifecycle?.restartPolicy;
  const hasNoDefault = (paths: readonly string[] | null | undefined): boolean =>
    spec.isolation?.privileged === true && (paths ?? undefined) === undefined;
  return mergeDefined<HostConfig>(
    nothingSaid,
    withDefaults(sent ?? formatHostConfig(spec)),
    limitsOf(spec),
    joinedModes(spec),
    spec.pod === undefined ? undefined : podModes(spec, sent),
    {
      RestartPolicy: restartPolicy && formatRestartPolicy(restartPolicy),
      NetworkMode: networkMode,
      // Not as they were sent: containers are renamed, and links removed.
      Links: details.links === undefined || details.links.length === 0 ? null : details.links,
      // Not as they were sent: an update changes them.
      PortBindings: formatPortBindings(spec.network?.ports ?? []),
      MaskedPaths: hasNoDefault(sent?.MaskedPaths) ? null : effective.maskedPaths,
      ReadonlyPaths: hasNoDefault(sent?.ReadonlyPaths) ? null : effective.readonlyPaths,
      SecurityOpt: withoutLabels(spec, sent?.SecurityOpt),
    },
  );
}

/** As dockerd, which confines no container that sees the host's processes or memory; with SELinux or without. */
function withoutLabels(
  { isolation: { privileged, namespaces: { ipc, pid } = {} } = {} }: ContainerSpec,
  sent: readonly string[] | null | undefined,
): readonly string[] | undefined {
  const isConfined = privileged !== true && ipc !== "host" && pid !== "host";
  if (isConfined || sent?.some((option) => /^label[=:]/.test(option)) === true) return undefined;
  return [...(sent ?? []), "label=disable"];
}

/** Not as they were sent: with the id of a container in place of its name, which another one may get. */
function joinedModes({ isolation: { namespaces: { ipc, pid, uts } = {} } = {} }: ContainerSpec): HostConfig {
  return {
    IpcMode: typeof ipc === "object" ? modeText(ipc) : undefined,
    PidMode: typeof pid === "object" ? modeText(pid) : undefined,
    UTSMode: typeof uts === "object" ? modeText(uts) : undefined,
  };
}

/** Not as they were sent: the pod decides about them. */
function podModes(spec: ContainerSpec, sent: HostConfig | undefined): HostConfig {
  const { ipc, pid, uts, user } = spec.isolation?.namespaces ?? {};
  return {
    IpcMode: ipc === undefined ? undefined : modeText(ipc),
    PidMode: pid === undefined ? undefined : modeText(pid),
    UTSMode: uts === undefined ? undefined : modeText(uts),
    UsernsMode: user === undefined ? undefined : formatUserNamespaceMode(user),
    Tare: mergeDefined<TareHostConfig>(sent?.Tare ?? {}, formatTareFields(spec).Tare ?? undefined),
  };
}

/** Not as they were sent: an update changes them. */
function limitsOf(spec: ContainerSpec): HostConfig {
  const { resources: { limits = {} } = {} } = spec;
  const { memoryBytes = 0, memorySwapBytes = 0 } = limits;
  return mergeDefined<HostConfig>(
    Object.fromEntries(limitNames.map(([name]) => [name, nothingSaid[name]])),
    { MemorySwappiness: null },
    formatLimits(limits),
    { MemorySwap: memorySwapBytes === 0 ? memoryBytes * 2 : memorySwapBytes },
    limits.hugePages === undefined && limits.unified === undefined ? undefined : formatTareFields(spec),
  );
}

const noRequest: DeviceRequest = {
  Driver: "",
  Count: 0,
  DeviceIDs: null,
  Capabilities: null,
  Options: null,
};

/** The values that dockerd stores for absent fields. */
function withDefaults(sent: HostConfig): HostConfig {
  const { LogConfig, ShmSize, IpcMode, CgroupnsMode } = nothingSaid;
  return {
    ...withoutEmptyMaps(sent),
    LogConfig: { Type: sent.LogConfig?.Type || LogConfig?.Type, Config: sent.LogConfig?.Config ?? {} },
    ShmSize: sent.ShmSize || ShmSize,
    IpcMode: sent.IpcMode || IpcMode,
    CgroupnsMode: sent.CgroupnsMode || CgroupnsMode,
    RestartPolicy: sent.RestartPolicy?.Name ? sent.RestartPolicy : nothingSaid.RestartPolicy,
    DeviceRequests: sent.DeviceRequests?.map((request) => ({ ...noRequest, ...request })) ?? null,
  } as HostConfig;
}

/** SPEC: dockerd leaves these out when they are empty. */
function withoutEmptyMaps(sent: HostConfig): HostConfig {
  const isEmpty = (map: object | null | undefined): boolean => Object.keys(map ?? {}).length === 0;
  const { Sysctls, Tmpfs, StorageOpt, Annotations, ...others } = sent;
  return {
    ...others,
    ...(isEmpty(Sysctls) ? {} : { Sysctls }),
    ...(isEmpty(Tmpfs) ? {} : { Tmpfs }),
    ...(isEmpty(StorageOpt) ? {} : { StorageOpt }),
    ...(isEmpty(Annotations) ? {} : { Annotations }),
  };
}

function modeText(mode: NamespaceMode | "shareable" | "none" | undefined): string {
  if (mode === undefined || mode === "private") return "";
  return typeof mode === "object" ? `container:${mode.container}` : mode;
}
