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
  ContainerNetwork,
  ContainerIsolation,
  ContainerSpec,
  NamespaceMode,
} from "../model/container-spec.ts";
import type { BindMount, ContainerMount, ImageMount, TmpfsMount, VolumeMount } from "../model/mounts.ts";
import type { ContainerUpdate } from "../model/updates.ts";

/** A spec in the words of the Docker Engine API. Throws "unsupported" for what only an engine in this process can do. */
export function createRequestOf(spec: ContainerSpec): ContainerCreateRequest {
  if (spec.lifecycle?.lifetime === "process") {
    throw new Failure(
      "unsupported",
      'cannot create the container: a lifetime of "process" needs an engine in this process (openEngine)',
    );
  }
  const { resources: { limits = {} } = {}, isolation: { namespaces = {} } = {} } = spec;
  return {
    Image: spec.image,
    ...given("Cmd", spec.process?.command),
    ...given("Entrypoint", spec.process?.entrypoint),
    ...given("Env", spec.process?.env),
    ...given("Labels", spec.labels),
    ...given("User", spec.process?.user),
    ...given("WorkingDir", spec.process?.workingDirectory),
    ...given("Hostname", spec.network?.hostname),
    ...given("Domainname", spec.network?.domainname),
    ...given("Tty", spec.process?.terminal),
    ...given("OpenStdin", spec.process?.openStdin),
    ...given("StdinOnce", spec.process?.stdinOnce),
    ...given(
      "Volumes",
      spec.storage?.volumes && Object.fromEntries(spec.storage?.volumes.map((path) => [path, {}])),
    ),
    ...given(
      "ExposedPorts",
      spec.network?.exposedPorts && Object.fromEntries(spec.network?.exposedPorts.map((port) => [port, {}])),
    ),
    ...networkingOf(spec.network?.networks),
    ...given("StopSignal", spec.lifecycle?.stopSignal),
    ...given("Healthcheck", spec.lifecycle?.healthcheck && { Test: spec.lifecycle?.healthcheck }),
    ...given(
      "StopTimeout",
      spec.lifecycle?.stopGraceMs === undefined ? undefined : Math.ceil(spec.lifecycle?.stopGraceMs / 1000),
    ),
    HostConfig: {
      ...given("AutoRemove", spec.lifecycle?.autoRemove),
      ...given("Annotations", spec.annotations),
      ...given("GroupAdd", spec.process?.groupAdd),
      ...given("CgroupParent", spec.resources?.cgroupParent),
      ...given("PidMode", modeText(namespaces.pid)),
      ...given("IpcMode", modeText(namespaces.ipc)),
      ...given("UTSMode", modeText(namespaces.uts)),
      ...given("CgroupnsMode", namespaces.cgroup),
      ...given(
        "UsernsMode",
        namespaces.user === undefined ? undefined : formatUserNamespaceMode(namespaces.user),
      ),
      ...given("NetworkMode", networkText(namespaces.network) ?? spec.network?.networks?.[0]?.network),
      ...given("PortBindings", spec.network?.ports && formatPortBindings(spec.network?.ports)),
      ...given("PublishAllPorts", spec.network?.publishAll),
      ...given("Dns", spec.network?.dns),
      ...given("DnsSearch", spec.network?.dnsSearch),
      ...given("DnsOptions", spec.network?.dnsOptions),
      ...formatLimits(limits),
      ...given("CapAdd", spec.isolation?.capabilities?.add),
      ...given("CapDrop", spec.isolation?.capabilities?.drop),
      ...given("Privileged", spec.isolation?.privileged),
      ...given("ReadonlyRootfs", spec.storage?.readOnlyRoot),
      ...given("SecurityOpt", securityOptions(spec)),
      ...given("MaskedPaths", spec.isolation?.maskedPaths),
      ...given("ReadonlyPaths", spec.isolation?.readonlyPaths),
      ...given("ShmSize", spec.storage?.shmBytes),
      ...given(
        "StorageOpt",
        spec.storage?.storageBytes === undefined ? undefined : { size: String(spec.storage?.storageBytes) },
      ),
      ...given("ExtraHosts", spec.network?.extraHosts),
      ...given("ConsoleSize", sizeOf(spec)),
      ...given("LogConfig", formatLog(spec.storage?.log)),
      ...given("OomScoreAdj", spec.resources?.oomScoreAdj),
      ...given(
        "Ulimits",
        spec.resources?.rlimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      ),
      ...given("Tmpfs", tmpfsOf(spec.storage?.mounts)),
      ...given("Mounts", mountsOf(spec.storage?.mounts)),
      ...given(
        "VolumesFrom",
        spec.storage?.volumesFrom?.map(({ container, readonly }) =>
          readonly === true ? `${container}:ro` : container,
        ),
      ),
      ...given(
        "RestartPolicy",
        spec.lifecycle?.restartPolicy && formatRestartPolicy(spec.lifecycle?.restartPolicy),
      ),
      ...given("Init", spec.process?.init),
      ...given("Sysctls", spec.isolation?.sysctls),
      ...formatDevices(spec.resources),
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
  const tare = { ...formatTareFields({ resources: { limits } }).Tare, ...ports };
  return {
    ...formatLimits(limits),
    ...(Object.keys(tare).length === 0 ? {} : { Tare: tare }),
    ...given("RestartPolicy", restartPolicy && formatRestartPolicy(restartPolicy)),
  };
}

function given<T, K extends string>(key: K, value: T | undefined): { [P in K]?: T | undefined } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T | undefined };
}

function modeText(mode: NamespaceMode | "shareable" | "none" | undefined): string | undefined {
  return typeof mode === "object" ? `container:${mode.container}` : mode === "private" ? undefined : mode;
}

function networkingOf(
  networks: ContainerNetwork["networks"] = [],
): Pick<ContainerCreateRequest, "NetworkingConfig"> {
  if (networks.length === 0) return {};
  const ends = networks.map(({ network, ...settings }) => [network, formatSettings(settings)] as const);
  return { NetworkingConfig: { EndpointsConfig: Object.fromEntries(ends) } };
}

type NetworkMode = NonNullable<NonNullable<ContainerIsolation["namespaces"]>["network"]>;

function networkText(mode: NetworkMode | undefined): string | undefined {
  return typeof mode === "object" ? `container:${mode.container}` : mode;
}

function securityOptions(spec: ContainerSpec): readonly string[] | undefined {
  const options = [
    ...(spec.isolation?.noNewPrivileges === true ? ["no-new-privileges"] : []),
    ...(spec.isolation?.explainDenials === true ? ["explain-denials"] : []),
    ...(spec.isolation?.seccomp === undefined
      ? []
      : [
          `seccomp=${typeof spec.isolation?.seccomp === "object" ? spec.isolation?.seccomp.profile : spec.isolation?.seccomp}`,
        ]),
    ...(spec.isolation?.appArmor === undefined ? [] : [`apparmor=${spec.isolation?.appArmor}`]),
    ...(spec.isolation?.writableCgroups === undefined
      ? []
      : [`writable-cgroups=${spec.isolation?.writableCgroups}`]),
    ...(spec.isolation?.systemPaths === "unconfined" ? ["systempaths=unconfined"] : []),
    ...(spec.isolation?.selinux ?? []).map((label) => `label=${label}`),
  ];
  return options.length === 0 ? undefined : options;
}

function sizeOf({ process: { consoleSize } = {} }: ContainerSpec): readonly [number, number] | undefined {
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
