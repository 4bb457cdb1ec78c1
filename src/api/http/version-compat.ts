import type { ImageInspect, ImageSummary } from "../types/image.ts";
import type { ContainerSummary } from "../types/container.ts";
import type { Commit, SystemInfo } from "../types/system.ts";
import type { ApiVersion } from "./version.ts";

/** The forms of replies in older versions. Each function takes today's form. */
export function adaptContainerSummary(summary: ContainerSummary, version: ApiVersion): ContainerSummary {
  if (version >= 1046 || summary.HostConfig.Annotations === undefined) return summary;
  return { ...summary, HostConfig: { NetworkMode: summary.HostConfig.NetworkMode } };
}

/** Before 1.44 an image had its size twice. */
export function adaptImage<T extends ImageSummary | ImageInspect>(image: T, version: ApiVersion): T {
  return version >= 1044 ? image : { ...image, VirtualSize: image.Size };
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
