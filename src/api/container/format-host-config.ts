import { formatIdmapOption } from "../../spec/idmap-option.ts";
import { formatUserNamespaceMode } from "../../spec/user-namespace-mode.ts";
import type { ContainerIsolation, ContainerSpec, NamespaceMode } from "../../model/container-spec.ts";
import type { BindMount, ContainerMount, ImageMount, TmpfsMount, VolumeMount } from "../../model/mounts.ts";
import type { HostConfig, Mount } from "../types/host-config.ts";
import { formatDevices } from "./device-fields.ts";
import { formatLimits } from "./format-limits.ts";
import { formatLog } from "./log-config.ts";
import { formatPortBindings } from "./published-ports.ts";
import { formatRestartPolicy } from "./restart-policy.ts";
import { formatTareFields } from "./tare-fields.ts";

/** A specification as `HostConfig`; what it leaves open is absent. The way back of parseContainerSpec(). */
export function formatHostConfig(spec: ContainerSpec): HostConfig {
  const { resources: { limits = {} } = {}, isolation: { namespaces = {} } = {} } = spec;
  return {
    AutoRemove: spec.lifecycle?.autoRemove,
    Annotations: spec.annotations,
    GroupAdd: spec.process?.groupAdd,
    CgroupParent: spec.resources?.cgroupParent,
    PidMode: modeText(namespaces.pid),
    IpcMode: modeText(namespaces.ipc),
    UTSMode: modeText(namespaces.uts),
    CgroupnsMode: namespaces.cgroup,
    UsernsMode: namespaces.user === undefined ? undefined : formatUserNamespaceMode(namespaces.user),
    NetworkMode: networkText(namespaces.network) ?? spec.network?.networks?.[0]?.network,
    PortBindings: spec.network?.ports && formatPortBindings(spec.network?.ports),
    PublishAllPorts: spec.network?.publishAll,
    Dns: spec.network?.dns,
    DnsSearch: spec.network?.dnsSearch,
    DnsOptions: spec.network?.dnsOptions,
    ...formatLimits(limits),
    CapAdd: spec.isolation?.capabilities?.add,
    CapDrop: spec.isolation?.capabilities?.drop,
    Privileged: spec.isolation?.privileged,
    ReadonlyRootfs: spec.storage?.readOnlyRoot,
    SecurityOpt: securityOptions(spec),
    MaskedPaths: spec.isolation?.maskedPaths,
    ReadonlyPaths: spec.isolation?.readonlyPaths,
    ShmSize: spec.storage?.shmBytes,
    StorageOpt:
      spec.storage?.storageBytes === undefined ? undefined : { size: String(spec.storage?.storageBytes) },
    ExtraHosts: spec.network?.extraHosts,
    ConsoleSize: sizeOf(spec),
    LogConfig: formatLog(spec.storage?.log),
    OomScoreAdj: spec.resources?.oomScoreAdj,
    Ulimits: spec.resources?.rlimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    Tmpfs: tmpfsOf(spec.storage?.mounts),
    Mounts: mountsOf(spec.storage?.mounts),
    VolumesFrom: spec.storage?.volumesFrom?.map(({ container, readonly }) =>
      readonly === true ? `${container}:ro` : container,
    ),
    RestartPolicy: spec.lifecycle?.restartPolicy && formatRestartPolicy(spec.lifecycle?.restartPolicy),
    Init: spec.process?.init,
    Sysctls: spec.isolation?.sysctls,
    ...formatDevices(spec.resources),
    ...formatTareFields(spec),
  };
}

function modeText(mode: NamespaceMode | "shareable" | "none" | undefined): string | undefined {
  return typeof mode === "object" ? `container:${mode.container}` : mode === "private" ? undefined : mode;
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
      Propagation: propagation,
      CreateMountpoint: createSource,
      NonRecursive: recursive ? undefined : true,
      ReadOnlyNonRecursive: readonlyBelow ? undefined : true,
      IdMap: mount.idmap === undefined ? undefined : formatIdmapOption(mount.idmap),
    },
  };
}

function imageOf({ image, target, subpath }: ImageMount): Mount {
  return {
    Type: "image",
    Source: image,
    Target: target,
    ReadOnly: true,
    ImageOptions: subpath === undefined ? undefined : { Subpath: subpath },
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
      Subpath: subpath,
      Labels: labels,
      DriverConfig:
        driver === undefined && options === undefined ? undefined : { Name: driver, Options: options },
    },
  };
}
