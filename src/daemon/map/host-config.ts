import { formatDevices } from "../../api/container/device-fields.ts";
import { formatBlockIo } from "../../api/container/block-io.ts";
import { formatRestartPolicy } from "../../api/container/restart-policy.ts";
import { formatPortBindings } from "../../api/container/published-ports.ts";
import { formatTareFields } from "../../api/container/tare-fields.ts";
import { formatUserNamespaceMode } from "../../spec/user-namespace-mode.ts";
import type { HostConfig } from "../../api/types/host-config.ts";
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

/** `HostConfig` of inspect: as the client sent it; of a container that the library made, told from its spec. */
export function hostConfigOf(details: ContainerDetails): HostConfig {
  const { spec, effective, networkMode } = details;
  const sent = spec.received?.hostConfig as HostConfig | undefined;
  return {
    ...nothingSaid,
    ...(sent ?? fromSpec(spec)),
    ...(sent === undefined ? {} : withDefaults(sent)),
    ...limitsOf(spec),
    ...joinedModes(spec),
    ...(spec.pod === undefined ? {} : podModes(spec, sent)),
    ...(spec.lifecycle?.restartPolicy === undefined
      ? {}
      : { RestartPolicy: formatRestartPolicy(spec.lifecycle?.restartPolicy) }),
    NetworkMode: networkMode,
    // Not as they were sent: an update changes them.
    PortBindings: formatPortBindings(spec.network?.ports ?? []),
    MaskedPaths: effective.maskedPaths,
    ReadonlyPaths: effective.readonlyPaths,
  };
}

/** Not as they were sent: with the id of a container in place of its name, which another one may get. */
function joinedModes({ isolation: { namespaces: { ipc, pid, uts } = {} } = {} }: ContainerSpec): HostConfig {
  return {
    ...(typeof ipc === "object" ? { IpcMode: modeText(ipc) } : {}),
    ...(typeof pid === "object" ? { PidMode: modeText(pid) } : {}),
    ...(typeof uts === "object" ? { UTSMode: modeText(uts) } : {}),
  };
}

/** Not as they were sent: the pod decides about them. */
function podModes(spec: ContainerSpec, sent: HostConfig | undefined): HostConfig {
  const { ipc, pid, uts, user } = spec.isolation?.namespaces ?? {};
  return {
    ...(ipc === undefined ? {} : { IpcMode: modeText(ipc) }),
    ...(pid === undefined ? {} : { PidMode: modeText(pid) }),
    ...(uts === undefined ? {} : { UTSMode: modeText(uts) }),
    ...(user === undefined ? {} : { UsernsMode: formatUserNamespaceMode(user) }),
    Tare: { ...sent?.Tare, ...formatTareFields(spec).Tare },
  };
}

/** Not as they were sent: an update changes them. */
function limitsOf(spec: ContainerSpec): HostConfig {
  const { resources: { limits = {} } = {} } = spec;
  const { memoryBytes = 0, memorySwapBytes = 0 } = limits;
  return {
    Memory: memoryBytes,
    MemorySwap: memorySwapBytes === 0 ? memoryBytes * 2 : memorySwapBytes,
    MemoryReservation: limits.memoryReservationBytes ?? 0,
    CpuShares: limits.cpuShares ?? 0,
    CpuQuota: limits.cpuQuotaUs ?? 0,
    CpuPeriod: limits.cpuPeriodUs ?? 0,
    NanoCpus: limits.nanoCpus ?? 0,
    CpusetCpus: limits.cpusetCpus ?? "",
    CpusetMems: limits.cpusetMems ?? "",
    PidsLimit: limits.pidsLimit ?? null,
    OomKillDisable: limits.oomKillDisable ?? false,
    MemorySwappiness: limits.memorySwappiness ?? null,
    ...(limits.kernelTcpBytes === undefined ? {} : { KernelMemoryTCP: limits.kernelTcpBytes }),
    CpuRealtimePeriod: limits.cpuRealtimePeriodUs ?? 0,
    CpuRealtimeRuntime: limits.cpuRealtimeRuntimeUs ?? 0,
    ...formatBlockIo(limits.blockIo ?? {}),
    ...(limits.hugePages === undefined && limits.unified === undefined ? {} : formatTareFields(spec)),
  };
}

/** What dockerd puts in the place of "nothing said" before it keeps the request. */
function withDefaults(sent: HostConfig): HostConfig {
  const { LogConfig, ShmSize, IpcMode, CgroupnsMode } = nothingSaid;
  return {
    LogConfig: { Type: sent.LogConfig?.Type || LogConfig?.Type, Config: sent.LogConfig?.Config ?? {} },
    ShmSize: sent.ShmSize || ShmSize,
    IpcMode: sent.IpcMode || IpcMode,
    CgroupnsMode: sent.CgroupnsMode || CgroupnsMode,
    RestartPolicy: sent.RestartPolicy?.Name ? sent.RestartPolicy : nothingSaid.RestartPolicy,
  } as HostConfig;
}

function fromSpec(spec: ContainerSpec): HostConfig {
  const { isolation: { namespaces = {}, capabilities = {} } = {} } = spec;
  const binds = (spec.storage?.mounts ?? []).flatMap((mount) => {
    if (
      mount.kind === "tmpfs" ||
      mount.kind === "image" ||
      (mount.kind === "volume" && mount.anonymous === true)
    )
      return [];
    const source = mount.kind === "bind" ? mount.source : (mount.name ?? "");
    const idmap = mount.kind === "bind" ? mount.idmap : undefined;
    const owner = idmap === undefined || idmap === true ? "" : `=${idmap.uid}-${idmap.gid}`;
    const options = [
      ...(mount.readonly === true ? ["ro"] : []),
      ...(idmap === undefined ? [] : [`idmap${owner}`]),
    ];
    return [[source, mount.target, ...(options.length === 0 ? [] : [options.join(",")])].join(":")];
  });
  const tmpfs = (spec.storage?.mounts ?? []).flatMap((mount) =>
    mount.kind === "tmpfs" ? [[mount.target, mount.options ?? ""] as const] : [],
  );
  return {
    ...(binds.length === 0 ? {} : { Binds: binds }),
    ...(tmpfs.length === 0 ? {} : { Tmpfs: Object.fromEntries(tmpfs) }),
    AutoRemove: spec.lifecycle?.autoRemove ?? false,
    CapAdd: capabilities.add ?? null,
    CapDrop: capabilities.drop ?? null,
    CgroupnsMode: namespaces.cgroup ?? "private",
    PublishAllPorts: spec.network?.publishAll ?? false,
    Dns: spec.network?.dns ?? [],
    DnsOptions: spec.network?.dnsOptions ?? [],
    DnsSearch: spec.network?.dnsSearch ?? [],
    ExtraHosts: spec.network?.extraHosts ?? null,
    GroupAdd: spec.process?.groupAdd ?? null,
    IpcMode: modeText(namespaces.ipc) || "private",
    PidMode: modeText(namespaces.pid),
    UTSMode: modeText(namespaces.uts),
    ...(namespaces.user === undefined ? {} : { UsernsMode: formatUserNamespaceMode(namespaces.user) }),
    OomScoreAdj: spec.resources?.oomScoreAdj ?? 0,
    Privileged: spec.isolation?.privileged ?? false,
    ReadonlyRootfs: spec.storage?.readOnlyRoot ?? false,
    SecurityOpt: securityOptions(spec),
    ...(spec.storage?.storageBytes === undefined
      ? {}
      : { StorageOpt: { size: String(spec.storage?.storageBytes) } }),
    ...(spec.storage?.shmBytes === undefined ? {} : { ShmSize: spec.storage?.shmBytes }),
    CgroupParent: spec.resources?.cgroupParent ?? "",
    ...(spec.annotations === undefined ? {} : { Annotations: spec.annotations }),
    ...(spec.process?.init === undefined ? {} : { Init: spec.process?.init }),
    ...(spec.isolation?.sysctls === undefined ? {} : { Sysctls: spec.isolation?.sysctls }),
    ...formatDevices(spec.resources),
    ...formatTareFields(spec),
    Ulimits: (spec.resources?.rlimits ?? []).map(({ name, soft, hard }) => ({
      Name: name,
      Soft: soft,
      Hard: hard,
    })),
  };
}

function modeText(mode: NamespaceMode | "shareable" | "none" | undefined): string {
  if (mode === undefined || mode === "private") return "";
  return typeof mode === "object" ? `container:${mode.container}` : mode;
}

function securityOptions(spec: ContainerSpec): readonly string[] | null {
  const options = [
    ...(spec.isolation?.noNewPrivileges === true ? ["no-new-privileges"] : []),
    ...(spec.isolation?.explainDenials === true ? ["explain-denials"] : []),
    ...(typeof spec.isolation?.seccomp === "string" ? [`seccomp=${spec.isolation?.seccomp}`] : []),
    ...(typeof spec.isolation?.seccomp === "object" ? [`seccomp=${spec.isolation?.seccomp.profile}`] : []),
    ...(spec.isolation?.appArmor === undefined ? [] : [`apparmor=${spec.isolation?.appArmor}`]),
    ...(spec.isolation?.writableCgroups === undefined
      ? []
      : [`writable-cgroups=${spec.isolation?.writableCgroups}`]),
    ...(spec.isolation?.systemPaths === "unconfined" ? ["systempaths=unconfined"] : []),
    ...(spec.isolation?.selinux ?? []).map((label) => `label=${label}`),
  ];
  return options.length === 0 ? null : options;
}
