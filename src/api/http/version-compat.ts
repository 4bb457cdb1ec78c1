import type { ImageInspect, ImageSummary } from "../types/image.ts";
import type { ContainerConfig } from "../types/container-config.ts";
import type { ContainerSummary } from "../types/container.ts";
import type { Commit, SystemInfo } from "../types/system.ts";
import type { ApiVersion } from "./version.ts";

/** Replies in the forms of older versions: each function takes today's form. */
export function adaptContainerSummary(summary: ContainerSummary, version: ApiVersion): ContainerSummary {
  if (version >= 1052) return summary;
  const { Health: _, ...rest } = summary;
  if (version >= 1046 || summary.HostConfig.Annotations === undefined) return rest;
  return { ...rest, HostConfig: { NetworkMode: summary.HostConfig.NetworkMode } };
}

/** Settings of a container as a request of that version means them: health checks got a start interval in 1.44. */
export function adaptContainerConfig(config: ContainerConfig, version: ApiVersion): ContainerConfig {
  if (version >= 1044 || config.Healthcheck?.StartInterval === undefined) return config;
  const { StartInterval: _, ...check } = config.Healthcheck;
  return { ...config, Healthcheck: check };
}

/** Before 1.44 an image had its size twice. */
export function adaptImage<T extends ImageSummary | ImageInspect>(image: T, version: ApiVersion): T {
  return version >= 1044 ? image : { ...image, VirtualSize: image.Size };
}

/** Before 1.43 a list had names for an image without any. */
export function adaptImageSummary(image: ImageSummary, version: ApiVersion): ImageSummary {
  const adapted = adaptImage(image, version);
  const isNameless = image.RepoTags.length === 0 && image.RepoDigests.length === 0;
  if (version >= 1043 || !isNameless) return adapted;
  return { ...adapted, RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"] };
}

/** Before 1.49 the commits had what was expected, and the bridge its two switches. */
export function adaptInfo(info: SystemInfo, version: ApiVersion): SystemInfo {
  if (version >= 1049) return info;
  const both = ({ ID }: Commit): Commit => ({ ID, Expected: ID });
  return {
    ...info,
    BridgeNfIptables: false,
    BridgeNfIp6tables: false,
    ContainerdCommit: both(info.ContainerdCommit),
    RuncCommit: both(info.RuncCommit),
    InitCommit: both(info.InitCommit),
  };
}
