import type { ContainerCreateRequest } from "../api/types/container.ts";
import { formatDevices } from "../api/container/device-fields.ts";
import { formatLimits } from "../api/container/format-limits.ts";
import { formatLog } from "../api/container/log-config.ts";
import { formatSettings } from "../api/network/endpoint-settings.ts";
import { formatPortBindings, formatRemoval } from "../api/container/published-ports.ts";
import { formatTareFields } from "../api/container/tare-fields.ts";
import { formatRestartPolicy } from "../api/container/restart-policy.ts";
import type { HostConfig, Mount } from "../api/types/host-config.ts";
import { Failure } from "../base/failure.ts";
import { formatIdmapOption } from "../spec/idmap-option.ts";
import { formatUserNamespaceMode } from "../spec/user-namespace-mode.ts";
import type {
  BindMount,
  ContainerMount,
  ContainerSpec,
  ImageMount,
  NamespaceMode,
  TmpfsMount,
  VolumeMount,
} from "../model/containers.ts";
import type { ContainerUpdate } from "../model/updates.ts";

/** A spec in the words of the Docker Engine API. Throws "unsupported" for what only an engine in this process can do. */
export function createRequestOf(spec: ContainerSpec): ContainerCreateRequest {
  if (spec.lifetime === "process") {
    throw new Failure(
      "unsupported",
      'cannot create the container: a lifetime of "process" needs an engine in this process (openEngine)',
    );
  }
  const { limits = {}, namespaces = {} } = spec;
  return {
    Image: spec.image,
    ...given("Cmd", spec.command),
    ...given("Entrypoint", spec.entrypoint),
    ...given("Env", spec.env),
    ...given("Labels", spec.labels),
    ...given("User", spec.user),
    ...given("WorkingDir", spec.workingDirectory),
    ...given("Hostname", spec.hostname),
    ...given("Domainname", spec.domainname),
    ...given("Tty", spec.terminal),
    ...given("OpenStdin", spec.openStdin),
    ...given("StdinOnce", spec.stdinOnce),
    ...given("Volumes", spec.volumes && Object.fromEntries(spec.volumes.map((path) => [path, {}]))),
    ...given(
      "ExposedPorts",
      spec.exposedPorts && Object.fromEntries(spec.exposedPorts.map((port) => [port, {}])),
    ),
    ...networkingOf(spec.networks),
    ...given("StopSignal", spec.stopSignal),
    ...given("Healthcheck", spec.healthcheck && { Test: spec.healthcheck }),
    ...given("StopTimeout", spec.stopGraceMs === undefined ? undefined : Math.ceil(spec.stopGraceMs / 1000)),
    HostConfig: {
      ...given("AutoRemove", spec.autoRemove),
      ...given("Annotations", spec.annotations),
      ...given("GroupAdd", spec.groupAdd),
      ...given("CgroupParent", spec.cgroupParent),
      ...given("PidMode", modeText(namespaces.pid)),
      ...given("IpcMode", modeText(namespaces.ipc)),
      ...given("UTSMode", modeText(namespaces.uts)),
      ...given("CgroupnsMode", namespaces.cgroup),
      ...given(
        "UsernsMode",
        namespaces.user === undefined ? undefined : formatUserNamespaceMode(namespaces.user),
      ),
      ...given("NetworkMode", networkText(namespaces.network) ?? spec.networks?.[0]?.network),
      ...given("PortBindings", spec.ports && formatPortBindings(spec.ports)),
      ...given("PublishAllPorts", spec.publishAll),
      ...given("Dns", spec.dns),
      ...given("DnsSearch", spec.dnsSearch),
      ...given("DnsOptions", spec.dnsOptions),
      ...formatLimits(limits),
      ...given("CapAdd", spec.capabilities?.add),
      ...given("CapDrop", spec.capabilities?.drop),
      ...given("Privileged", spec.privileged),
      ...given("ReadonlyRootfs", spec.readOnlyRoot),
      ...given("SecurityOpt", securityOptions(spec)),
      ...given("MaskedPaths", spec.maskedPaths),
      ...given("ReadonlyPaths", spec.readonlyPaths),
      ...given("ShmSize", spec.shmBytes),
      ...given(
        "StorageOpt",
        spec.storageBytes === undefined ? undefined : { size: String(spec.storageBytes) },
      ),
      ...given("ExtraHosts", spec.extraHosts),
      ...given("ConsoleSize", sizeOf(spec)),
      ...given("LogConfig", formatLog(spec.log)),
      ...given("OomScoreAdj", spec.oomScoreAdj),
      ...given(
        "Ulimits",
        spec.rlimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      ),
      ...given("Tmpfs", tmpfsOf(spec.mounts)),
      ...given("Mounts", mountsOf(spec.mounts)),
      ...given(
        "VolumesFrom",
        spec.volumesFrom?.map(({ container, readonly }) =>
          readonly === true ? `${container}:ro` : container,
        ),
      ),
      ...given("RestartPolicy", spec.restartPolicy && formatRestartPolicy(spec.restartPolicy)),
      ...given("Init", spec.init),
      ...given("Sysctls", spec.sysctls),
      ...formatDevices(spec),
      ...formatTareFields(spec),
    },
  };
}

/** The body of an update. */
export function updateRequestOf(update: ContainerUpdate): HostConfig {
  const { restartPolicy, publishAdd, publishRemove, ...limits } = update;
  const ports = {
    ...given("PublishAdd", publishAdd && formatPortBindings(publishAdd)),
    ...given("PublishRemove", publishRemove?.map(formatRemoval)),
  };
  const tare = { ...formatTareFields({ limits }).Tare, ...ports };
  return {
    ...formatLimits(limits),
    ...(Object.keys(tare).length === 0 ? {} : { Tare: tare }),
    ...given("RestartPolicy", restartPolicy && formatRestartPolicy(restartPolicy)),
  };
}

function given<T, K extends string>(key: K, value: T | undefined): { [P in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T };
}

function modeText(mode: NamespaceMode | "shareable" | "none" | undefined): string | undefined {
  return typeof mode === "object" ? `container:${mode.container}` : mode === "private" ? undefined : mode;
}

function networkingOf(
  networks: ContainerSpec["networks"] = [],
): Pick<ContainerCreateRequest, "NetworkingConfig"> {
  if (networks.length === 0) return {};
  const ends = networks.map(({ network, ...settings }) => [network, formatSettings(settings)] as const);
  return { NetworkingConfig: { EndpointsConfig: Object.fromEntries(ends) } };
}

type NetworkMode = NonNullable<NonNullable<ContainerSpec["namespaces"]>["network"]>;

function networkText(mode: NetworkMode | undefined): string | undefined {
  return typeof mode === "object" ? `container:${mode.container}` : mode;
}

function securityOptions(spec: ContainerSpec): readonly string[] | undefined {
  const options = [
    ...(spec.noNewPrivileges === true ? ["no-new-privileges"] : []),
    ...(spec.explainDenials === true ? ["explain-denials"] : []),
    ...(spec.seccomp === undefined
      ? []
      : [`seccomp=${typeof spec.seccomp === "object" ? spec.seccomp.profile : spec.seccomp}`]),
    ...(spec.appArmor === undefined ? [] : [`apparmor=${spec.appArmor}`]),
    ...(spec.writableCgroups === undefined ? [] : [`writable-cgroups=${spec.writableCgroups}`]),
    ...(spec.systemPaths === "unconfined" ? ["systempaths=unconfined"] : []),
    ...(spec.selinux ?? []).map((label) => `label=${label}`),
  ];
  return options.length === 0 ? undefined : options;
}

function sizeOf({ consoleSize }: ContainerSpec): readonly [number, number] | undefined {
  return consoleSize === undefined ? undefined : [consoleSize.rows, consoleSize.columns];
}

function tmpfsOf(mounts: readonly ContainerMount[] = []): Record<string, string> | undefined {
  const found = mounts.flatMap((mount) =>
    mount.kind === "tmpfs" ? [[mount.target, tmpfsText(mount)] as const] : [],
  );
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function tmpfsText({ options = "", readonly = false }: TmpfsMount): string {
  return readonly ? [options, "ro"].filter((word) => word !== "").join(",") : options;
}

function mountsOf(mounts: readonly ContainerMount[] = []): readonly Mount[] | undefined {
  const found = mounts.flatMap((mount): readonly Mount[] => {
    if (mount.kind === "tmpfs") return [];
    if (mount.kind === "image") return [imageOf(mount)];
    return [mount.kind === "bind" ? bindOf(mount) : volumeOf(mount)];
  });
  return found.length === 0 ? undefined : found;
}

function bindOf(mount: BindMount): Mount {
  const { propagation, createSource = false, recursive = true, readonlyBelow = true } = mount;
  return {
    Type: "bind",
    Source: mount.source,
    Target: mount.target,
    ReadOnly: mount.readonly ?? false,
    BindOptions: {
      ...(propagation === undefined ? {} : { Propagation: propagation }),
      CreateMountpoint: createSource,
      ...(recursive ? {} : { NonRecursive: true }),
      ...(readonlyBelow ? {} : { ReadOnlyNonRecursive: true }),
      ...(mount.idmap === undefined ? {} : { IdMap: formatIdmapOption(mount.idmap) }),
    },
  };
}

function imageOf({ image, target, subpath }: ImageMount): Mount {
  return {
    Type: "image",
    Source: image,
    Target: target,
    ReadOnly: true,
    ...(subpath === undefined ? {} : { ImageOptions: { Subpath: subpath } }),
  };
}

function volumeOf(mount: VolumeMount): Mount {
  const { name = "", copy = true, subpath, driver, options, labels } = mount;
  return {
    Type: "volume",
    Source: name,
    Target: mount.target,
    ReadOnly: mount.readonly ?? false,
    VolumeOptions: {
      NoCopy: !copy,
      ...given("Subpath", subpath),
      ...given("Labels", labels),
      ...(driver === undefined && options === undefined
        ? {}
        : { DriverConfig: { ...given("Name", driver), ...given("Options", options) } }),
    },
  };
}
