import { Failure } from "../../base/failure.ts";
import type { ContainerConfig } from "../types/container-config.ts";
import type { HostConfig, Mount } from "../types/host-config.ts";
import type { NetworkingConfig } from "../types/network.ts";
import type { ApiVersion } from "../http/version.ts";
import type { CreateRequest } from "./create-request.ts";

/**
 * A request of this version as one of the newest: fields that the version did not have are dropped or refused, and
 * defaults that were others are filled in, as dockerd does. `isCgroupV1`: of the host. Throws Failure("invalid").
 */
export function adaptCreateRequest(
  { config, hostConfig, networkingConfig }: CreateRequest,
  { version, isCgroupV1 }: { readonly version: ApiVersion; readonly isCgroupV1: boolean },
): CreateRequest {
  return {
    config: adaptConfig(config, { version, hostConfig }),
    hostConfig: adaptHostConfig(hostConfig, { version, isCgroupV1 }),
    networkingConfig: adaptNetworking(networkingConfig, { version, config }),
  };
}

/** What dockerd warns of in a request of this version, though it does it. */
export function warningsOfVersion({ hostConfig }: CreateRequest, version: ApiVersion): readonly string[] {
  const empty = Object.entries(hostConfig.PortBindings ?? {}).flatMap(([port, bindings]) =>
    (bindings ?? []).length === 0 ? [port] : [],
  );
  const hasOwnDriver = ({ VolumeOptions }: Mount): boolean =>
    (VolumeOptions?.DriverConfig?.Name ?? "") !== "";
  const ignoresDriver =
    (hostConfig.VolumeDriver ?? "") !== "" &&
    (hostConfig.Mounts ?? []).some((mount) => mount.Type === "volume" && !hasOwnDriver(mount));
  return [
    ...(version >= 1048 && ignoresDriver
      ? [
          "WARNING: the container-wide volume-driver configuration is ignored for volumes specified via 'mount'. Use '--mount type=volume,volume-driver=...' instead",
        ]
      : []),
    ...(version >= 1052 && empty.length > 0
      ? [
          `Following container port(s) have an empty list of port-bindings: ${empty.join(", ")}. Such bindings will be discarded in a future version.`,
        ]
      : []),
  ];
}

/** Before 1.55 an update ignored the limits of single devices. */
export function adaptUpdate(resources: HostConfig, version: ApiVersion): HostConfig {
  if (version >= 1055) return resources;
  const {
    BlkioWeightDevice: _,
    BlkioDeviceReadBps: __,
    BlkioDeviceWriteBps: ___,
    BlkioDeviceReadIOps: ____,
    BlkioDeviceWriteIOps: _____,
    ...rest
  } = resources;
  return rest;
}

function adaptConfig(
  config: ContainerConfig,
  { version, hostConfig }: { readonly version: ApiVersion; readonly hostConfig: HostConfig },
): ContainerConfig {
  const hasMac = (config.MacAddress ?? "") !== "";
  if (version >= 1052 && hasMac) {
    throw invalid(
      "container-wide MAC address no longer supported; use endpoint-specific MAC address instead",
    );
  }
  const { NetworkMode: mode = "" } = hostConfig;
  if (version < 1044 && hasMac && (mode === "host" || mode === "none" || mode.startsWith("container:"))) {
    throw invalid("conflicting options: mac-address and the network mode");
  }
  if (version >= 1044 || config.Healthcheck === undefined || config.Healthcheck === null) return config;
  return { ...config, Healthcheck: { ...config.Healthcheck, StartInterval: undefined } };
}

function adaptHostConfig(
  hostConfig: HostConfig,
  { version, isCgroupV1 }: { readonly version: ApiVersion; readonly isCgroupV1: boolean },
): HostConfig {
  if (version >= 1048) return { ...hostConfig, KernelMemory: undefined };
  const Mounts = hostConfig.Mounts?.map((mount) => adaptMount(mount, version));
  return {
    ...hostConfig,
    ...(Mounts === undefined ? {} : { Mounts }),
    ...(version < 1040 && isUnset(hostConfig.IpcMode) ? { IpcMode: "shareable" } : {}),
    ...(version < 1041 && isUnset(hostConfig.CgroupnsMode) && isCgroupV1 ? { CgroupnsMode: "host" } : {}),
    ...(version < 1042 ? { ConsoleSize: undefined } : { KernelMemory: undefined }),
    ...(version < 1043 ? { Annotations: undefined } : {}),
  };
}

function adaptMount(mount: Mount, version: ApiVersion): Mount {
  const { Type: type, BindOptions, VolumeOptions, TmpfsOptions } = mount;
  if (type === "image") throw invalid('Mount type "Image" needs API v1.48 or newer');
  if (version < 1045 && (VolumeOptions?.Subpath ?? "") !== "") {
    throw invalid("VolumeOptions.Subpath needs API v1.45 or newer");
  }
  if (version < 1044 && type === "bind" && BindOptions?.ReadOnlyForceRecursive === true) {
    throw invalid("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer");
  }
  const isPlainReadOnly = version < 1044 && type === "bind" && mount.ReadOnly === true;
  const bind = {
    ...BindOptions,
    ...(version < 1040 ? { NonRecursive: false } : {}),
    ...(version < 1042 ? { CreateMountpoint: false } : {}),
    // Read-only binds were read-only at the top alone.
    ...(isPlainReadOnly && BindOptions?.NonRecursive !== true ? { ReadOnlyNonRecursive: true } : {}),
  };
  const hasBind = isPlainReadOnly || (BindOptions !== undefined && BindOptions !== null);
  return {
    ...mount,
    BindOptions: hasBind ? bind : undefined,
    VolumeOptions: version < 1042 && type !== "volume" ? undefined : VolumeOptions,
    TmpfsOptions: version < 1042 && type !== "tmpfs" ? undefined : TmpfsOptions,
  };
}

function adaptNetworking(
  networking: NetworkingConfig,
  { version, config }: { readonly version: ApiVersion; readonly config: ContainerConfig },
): NetworkingConfig {
  const ends = Object.entries(networking.EndpointsConfig ?? {});
  if (version >= 1048 || ends.length === 0) return networking;
  if (version < 1044 && ends.length > 1) {
    const names = ends.map(([name]) => name).join(", ");
    throw invalid(`Container cannot be created with multiple network endpoints: ${names.slice(0, 500)}`);
  }
  const dropsMac = version < 1044 && (config.MacAddress ?? "") === "";
  return {
    EndpointsConfig: Object.fromEntries(
      ends.map(([name, end]) => [
        name,
        end && { ...end, GwPriority: undefined, ...(dropsMac ? { MacAddress: undefined } : {}) },
      ]),
    ),
  };
}

function isUnset(text: string | undefined): boolean {
  return text === undefined || text === "";
}

function invalid(sentence: string): Failure {
  return new Failure("invalid", sentence);
}
