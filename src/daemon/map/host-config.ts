import { formatDevices } from "../../api/container/device-fields.ts";
import { formatBlockIo } from "../../api/container/block-io.ts";
import { formatRestartPolicy } from "../../api/container/restart-policy.ts";
import { formatPortBindings } from "../../api/container/published-ports.ts";
import { formatTareFields } from "../../api/container/tare-fields.ts";
import { formatUserNamespaceMode } from "../../spec/user-namespace-mode.ts";
import type { HostConfig } from "../../api/types/host-config.ts";
import type { ContainerDetails, ContainerSpec, NamespaceMode } from "../../model/containers.ts";

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
    ...(spec.restartPolicy === undefined ? {} : { RestartPolicy: formatRestartPolicy(spec.restartPolicy) }),
    NetworkMode: networkMode,
    // Not as they were sent: an update changes them.
    PortBindings: formatPortBindings(spec.ports ?? []),
    MaskedPaths: effective.maskedPaths,
    ReadonlyPaths: effective.readonlyPaths,
  };
}

/** Not as they were sent: with the id of a container in place of its name, which another one may get. */
function joinedModes({ namespaces: { ipc, pid, uts } = {} }: ContainerSpec): HostConfig {
  return {
    ...(typeof ipc === "object" ? { IpcMode: modeText(ipc) } : {}),
    ...(typeof pid === "object" ? { PidMode: modeText(pid) } : {}),
    ...(typeof uts === "object" ? { UTSMode: modeText(uts) } : {}),
  };
}

/** Not as they were sent: the pod decides about them. */
function podModes(spec: ContainerSpec, sent: HostConfig | undefined): HostConfig {
  const { ipc, pid, uts, user } = spec.namespaces ?? {};
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
  const { limits = {} } = spec;
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
  const { namespaces = {}, capabilities = {} } = spec;
  const binds = (spec.mounts ?? []).flatMap((mount) => {
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
  const tmpfs = (spec.mounts ?? []).flatMap((mount) =>
    mount.kind === "tmpfs" ? [[mount.target, mount.options ?? ""] as const] : [],
  );
  return {
    ...(binds.length === 0 ? {} : { Binds: binds }),
    ...(tmpfs.length === 0 ? {} : { Tmpfs: Object.fromEntries(tmpfs) }),
    AutoRemove: spec.autoRemove ?? false,
    CapAdd: capabilities.add ?? null,
    CapDrop: capabilities.drop ?? null,
    CgroupnsMode: namespaces.cgroup ?? "private",
    PublishAllPorts: spec.publishAll ?? false,
    Dns: spec.dns ?? [],
    DnsOptions: spec.dnsOptions ?? [],
    DnsSearch: spec.dnsSearch ?? [],
    ExtraHosts: spec.extraHosts ?? null,
    GroupAdd: spec.groupAdd ?? null,
    IpcMode: modeText(namespaces.ipc) || "private",
    PidMode: modeText(namespaces.pid),
    UTSMode: modeText(namespaces.uts),
    ...(namespaces.user === undefined ? {} : { UsernsMode: formatUserNamespaceMode(namespaces.user) }),
    OomScoreAdj: spec.oomScoreAdj ?? 0,
    Privileged: spec.privileged ?? false,
    ReadonlyRootfs: spec.readOnlyRoot ?? false,
    SecurityOpt: securityOptions(spec),
    ...(spec.storageBytes === undefined ? {} : { StorageOpt: { size: String(spec.storageBytes) } }),
    ...(spec.shmBytes === undefined ? {} : { ShmSize: spec.shmBytes }),
    CgroupParent: spec.cgroupParent ?? "",
    ...(spec.annotations === undefined ? {} : { Annotations: spec.annotations }),
    ...(spec.init === undefined ? {} : { Init: spec.init }),
    ...(spec.sysctls === undefined ? {} : { Sysctls: spec.sysctls }),
    ...formatDevices(spec),
    ...formatTareFields(spec),
    Ulimits: (spec.rlimits ?? []).map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
  };
}

function modeText(mode: NamespaceMode | "shareable" | "none" | undefined): string {
  if (mode === undefined || mode === "private") return "";
  return typeof mode === "object" ? `container:${mode.container}` : mode;
}

function securityOptions(spec: ContainerSpec): readonly string[] | null {
  const options = [
    ...(spec.noNewPrivileges === true ? ["no-new-privileges"] : []),
    ...(spec.explainDenials === true ? ["explain-denials"] : []),
    ...(typeof spec.seccomp === "string" ? [`seccomp=${spec.seccomp}`] : []),
    ...(typeof spec.seccomp === "object" ? [`seccomp=${spec.seccomp.profile}`] : []),
    ...(spec.appArmor === undefined ? [] : [`apparmor=${spec.appArmor}`]),
    ...(spec.writableCgroups === undefined ? [] : [`writable-cgroups=${spec.writableCgroups}`]),
    ...(spec.systemPaths === "unconfined" ? ["systempaths=unconfined"] : []),
    ...(spec.selinux ?? []).map((label) => `label=${label}`),
  ];
  return options.length === 0 ? null : options;
}
