import { adaptContainerSummary, adaptImage } from "../../api/http/version-compat.ts";
import type { ContainersPruneReport, ImagesPruneReport, SystemUsage } from "../../api/types/usage.ts";
import type { UsageType } from "../../api/system/usage-types.ts";
import type { ApiVersion } from "../../api/http/version.ts";
import type { DiskUsage } from "../../model/usage.ts";
import { containerSummaryOf } from "./container-summary.ts";
import { deleteItemOf, imageSummaryOf } from "./image.ts";
import { volumeOf } from "./volume.ts";
import type { PrunedContainers, PrunedImages } from "../../model/prune.ts";

/** `GET /system/df`; there is no build cache yet, and what was not asked for is null. */
export function usageOf(
  { layersBytes, images, containers, volumes }: DiskUsage,
  {
    types,
    version,
    nowMs,
  }: {
    readonly types: readonly UsageType[];
    readonly version: ApiVersion;
    readonly nowMs: number;
  },
): SystemUsage {
  return {
    LayersSize: layersBytes,
    Images:
      images?.map((image) =>
        adaptImage({ ...imageSummaryOf(image), SharedSize: image.sharedBytes }, version),
      ) ?? null,
    Containers:
      containers?.map((container) => adaptContainerSummary(containerSummaryOf(container, nowMs), version)) ??
      null,
    Volumes: volumes?.map(({ usage, ...volume }) => volumeOf(volume, usage)) ?? null,
    BuildCache: types.includes("build-cache") ? [] : null,
    BuilderSize: version < 1042 ? 0 : undefined,
  };
}

/** `POST /containers/prune` */
export function containersReportOf({ removed, freedBytes }: PrunedContainers): ContainersPruneReport {
  return { ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: freedBytes };
}

/** `POST /images/prune` */
export function imagesReportOf({ removed, freedBytes }: PrunedImages): ImagesPruneReport {
  return {
    ImagesDeleted: removed.length === 0 ? null : removed.map(deleteItemOf),
    SpaceReclaimed: freedBytes,
  };
}
