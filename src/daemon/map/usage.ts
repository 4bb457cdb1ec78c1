import { adaptContainerSummary, adaptImageSummary } from "../../api/http/version-compat.ts";
import type { ContainerSummary } from "../../api/types/container.ts";
import type { ImageSummary } from "../../api/types/image.ts";
import type {
  BuildCacheRow,
  ContainersPruneReport,
  ImagesPruneReport,
  KindUsage,
  SystemUsage,
  UsageSums,
} from "../../api/types/usage.ts";
import type { Volume } from "../../api/types/volume.ts";
import type { UsageType } from "../../api/system/usage-types.ts";
import type { ApiVersion } from "../../api/http/version.ts";
import type { BuildCacheRecord } from "../../model/builds.ts";
import type { DiskUsage } from "../../model/usage.ts";
import { containerSummaryOf } from "./container-summary.ts";
import { deleteItemOf, imageSummaryOf } from "./image.ts";
import { volumeOf } from "./volume.ts";
import type { PrunedContainers, PrunedImages } from "../../model/prune.ts";

/**
 * `GET /system/df`. Before 1.52 with lists, since then with sums, and with both unless it
 * is `verbose`.
 */
export function usageOf(
  usage: DiskUsage,
  {
    types,
    version,
    isVerbose,
    nowMs,
    buildCache,
  }: {
    readonly types: readonly UsageType[];
    readonly buildCache: readonly BuildCacheRecord[];
    readonly version: ApiVersion;
    readonly isVerbose: boolean;
    readonly nowMs: number;
  },
): SystemUsage | UsageSums {
  const lists: Lists = {
    Images:
      usage.images?.map((image) => ({
        ...adaptImageSummary({ ...imageSummaryOf(image), SharedSize: image.sharedBytes }, version),
        // Counted in each version; in the list of images only since 1.51.
        Containers: image.containers,
      })) ?? null,
    Containers:
      usage.containers?.map((container) =>
        adaptContainerSummary(containerSummaryOf(container, nowMs), version),
      ) ?? null,
    Volumes: usage.volumes?.map(({ usage: used, ...volume }) => volumeOf(volume, used)) ?? null,
    BuildCache: types.includes("build-cache") ? buildCache.map(buildCacheRowOf) : null,
  };
  const builderBytes = sum(buildCache.map(({ sizeBytes, shared }) => (shared ? 0 : sizeBytes)));
  const old = {
    LayersSize: usage.layersBytes,
    ...lists,
    BuilderSize: version < 1042 ? builderBytes : undefined,
  };
  if (version < 1052) return old;
  const sums = sumsOf(usage, lists, isVerbose);
  return isVerbose || version >= 1053 ? sums : { ...old, ...sums };
}

interface Lists {
  readonly Images: readonly ImageSummary[] | null;
  readonly Containers: readonly ContainerSummary[] | null;
  readonly Volumes: readonly Volume[] | null;
  readonly BuildCache: readonly BuildCacheRow[] | null;
}

function sumsOf(
  { layersBytes, images, containers, volumes }: DiskUsage,
  { Images, Containers, Volumes, BuildCache }: Lists,
  isVerbose: boolean,
): UsageSums {
  const kind = <Item>(
    items: readonly Item[] | null,
    rows: readonly { readonly bytes: number; readonly isUsed: boolean }[] = [],
    totalBytes = sum(rows.map(({ bytes }) => bytes)),
  ): KindUsage<Item> | undefined => {
    if (items === null) return undefined;
    const used = rows.filter(({ isUsed }) => isUsed);
    return {
      TotalCount: items.length,
      ActiveCount: used.length,
      TotalSize: totalBytes,
      Reclaimable: Math.max(0, totalBytes - sum(used.map(({ bytes }) => bytes))),
      Items: isVerbose ? items : undefined,
    };
  };
  return {
    ImageUsage: kind(
      Images,
      images?.map((image) => ({
        bytes: image.sizeBytes - image.sharedBytes,
        isUsed: image.containers > 0,
      })),
      layersBytes,
    ),
    ContainerUsage: kind(
      Containers,
      containers?.map(({ sizes, state }) => ({
        bytes: sizes.writtenBytes,
        isUsed: ["running", "paused", "restarting"].includes(state.status),
      })),
    ),
    VolumeUsage: kind(
      Volumes,
      volumes?.map(({ usage }) => ({ bytes: usage.bytes, isUsed: usage.containers.length > 0 })),
    ),
    BuildCacheUsage: kind(
      BuildCache,
      BuildCache?.map(({ Size, InUse, Shared }) => ({ bytes: Shared ? 0 : Size, isUsed: InUse })),
    ),
  };
}

function buildCacheRowOf(record: BuildCacheRecord): BuildCacheRow {
  const { id, parents, kind, description, inUse, shared, sizeBytes } = record;
  const { createdAtMs, lastUsedAtMs, usageCount } = record;
  return {
    ID: id,
    Parents: parents.length === 0 ? undefined : parents,
    Type: kind,
    Description: description,
    InUse: inUse,
    Shared: shared,
    Size: sizeBytes,
    CreatedAt: new Date(createdAtMs).toISOString(),
    LastUsedAt: lastUsedAtMs === undefined ? null : new Date(lastUsedAtMs).toISOString(),
    UsageCount: usageCount,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
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
