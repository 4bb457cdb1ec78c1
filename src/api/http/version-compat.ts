import { defined } from "../../base/defined.ts";
import type { ImageConfig, ImageInspect, ImageSummary } from "../types/image.ts";
import type { ContainerInspect, ContainerSummary } from "../types/container.ts";
import type { ContainerStats } from "../types/statistics.ts";
import type { Commit, SystemInfo } from "../types/system.ts";
import type { ApiVersion } from "./version.ts";

/**
 * The forms of replies by version. Each function takes the whole form, which has all fields of all versions, and leaves
 * out or adds what dockerd does.
 */
export function adaptContainerSummary(summary: ContainerSummary, version: ApiVersion): ContainerSummary {
  if (version >= 1052) return summary;
  const { Health: _, ...rest } = summary;
  if (version >= 1046 || summary.HostConfig.Annotations === undefined) return rest;
  return { ...rest, HostConfig: { NetworkMode: summary.HostConfig.NetworkMode } };
}

/** Before 1.45 the aliases had the short id and the host name; since 1.52 there is no single network. */
export function adaptContainerInspect(inspect: ContainerInspect, version: ApiVersion): ContainerInspect {
  if (version >= 1052) return withoutSingleNetwork(inspect);
  if (version >= 1045) return inspect;
  const { NetworkSettings, Config, Id } = inspect;
  const Networks = Object.fromEntries(
    Object.entries(NetworkSettings.Networks).map(([name, end]) => {
      if (["bridge", "default", "host", "none"].includes(name)) return [name, end];
      const names = [...(end.Aliases ?? []), Id.slice(0, 12), Config.Hostname ?? ""];
      return [name, { ...end, Aliases: [...new Set(names.filter((alias) => alias !== ""))] }];
    }),
  );
  return { ...inspect, NetworkSettings: { ...NetworkSettings, Networks } };
}

function withoutSingleNetwork(inspect: ContainerInspect): ContainerInspect {
  const { SandboxID, SandboxKey, Ports, Networks } = inspect.NetworkSettings;
  const { OnBuild, MacAddress: _, ...config } = inspect.Config;
  const { KernelMemoryTCP: __, ...hostConfig } = inspect.HostConfig;
  return {
    ...inspect,
    HostConfig: hostConfig,
    Config: (OnBuild ?? []).length === 0 ? config : { ...config, OnBuild },
    NetworkSettings: { SandboxID, SandboxKey, Ports, Networks },
  };
}

/** Before 1.51 containers were not counted; before 1.44 an image had its size twice; before 1.43 "no name" was one. */
export function adaptImageSummary(image: ImageSummary, version: ApiVersion): ImageSummary {
  if (version >= 1051) return image;
  const counted = { ...image, Containers: -1 };
  if (version >= 1044) return counted;
  const sized = { ...counted, VirtualSize: image.Size };
  if (version >= 1043 || image.RepoTags.length > 0 || image.RepoDigests.length > 0) return sized;
  return { ...sized, RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"] };
}

/** What an image's configuration had of a container's before 1.50; always empty. */
const containerFields = {
  Hostname: "",
  Domainname: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Image: "",
} as const;

/** Since 1.52 what is empty is left out. */
export function adaptImageInspect(image: ImageInspect, version: ApiVersion): ImageInspect {
  if (version >= 1052) {
    return defined<ImageInspect>({
      ...image,
      Parent: filled(image.Parent),
      Comment: filled(image.Comment),
      DockerVersion: filled(image.DockerVersion),
      Author: filled(image.Author),
      Config: filledConfig(image.Config),
    });
  }
  if (version >= 1050) return image;
  const old: ImageInspect = { ...image, Config: { ...containerFields, ...image.Config } };
  const built: ImageInspect = version >= 1045 ? old : { ...old, Container: "", ContainerConfig: old.Config };
  return version >= 1044
    ? built
    : { ...built, Created: image.Created ?? "0001-01-01T00:00:00Z", VirtualSize: image.Size };
}

function filledConfig(config: ImageConfig): ImageConfig {
  return defined<ImageConfig>({
    ...config,
    User: filled(config.User),
    Env: filled(config.Env),
    Cmd: filled(config.Cmd),
    Volumes: filled(config.Volumes),
    WorkingDir: filled(config.WorkingDir),
    Entrypoint: filled(config.Entrypoint),
    OnBuild: filled(config.OnBuild),
    Labels: filled(config.Labels),
  });
}

/** Undefined for an empty text, list or object. */
function filled<T extends string | object>(value: T | null | undefined): T | undefined {
  return value === undefined || value === null || Object.keys(value).length === 0 ? undefined : value;
}

/** Before 1.50 the bridge had its two switches, before 1.49 the commits what was expected. */
export function adaptInfo(info: SystemInfo, version: ApiVersion): SystemInfo {
  if (version >= 1050) return info;
  const { DiscoveredDevices: _devices, ...rest } = info;
  const bridged: SystemInfo = { ...rest, BridgeNfIptables: false, BridgeNfIp6tables: false };
  if (version >= 1049) return bridged;
  const { FirewallBackend: _, ...old } = bridged;
  const both = ({ ID }: Commit): Commit => ({ ID, Expected: ID });
  const committed: SystemInfo = {
    ...old,
    ContainerdCommit: both(info.ContainerdCommit),
    RuncCommit: both(info.RuncCommit),
    InitCommit: both(info.InitCommit),
  };
  if (version >= 1047 || info.RegistryConfig === null) return committed;
  const lists = {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
  };
  return { ...committed, RegistryConfig: { ...info.RegistryConfig, ...lists } };
}

export function adaptStats(stats: ContainerStats, version: ApiVersion): ContainerStats {
  return version >= 1052 ? { ...stats, os_type: "linux" } : stats;
}
