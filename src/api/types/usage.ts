import type { ContainerSummary } from "./container.ts";
import type { ImageDeleteItem, ImageSummary } from "./image.ts";
import type { Volume } from "./volume.ts";

/** `GET /system/df`; null or absent: not asked for. With `verbose` of 1.52, and since 1.53, only the fields of UsageSums. */
export interface SystemUsage extends UsageSums {
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[] | null;
  readonly Containers: readonly ContainerSummary[] | null;
  readonly Volumes: readonly Volume[] | null;
  readonly BuildCache: readonly BuildCacheRow[] | null;
  /** Before 1.42. */
  readonly BuilderSize?: number | undefined;
}

/** Since 1.52. */
export interface UsageSums {
  readonly ImageUsage?: KindUsage<ImageSummary> | undefined;
  readonly ContainerUsage?: KindUsage<ContainerSummary> | undefined;
  readonly VolumeUsage?: KindUsage<Volume> | undefined;
  readonly BuildCacheUsage?: KindUsage<BuildCacheRow> | undefined;
}

/** The objects of one kind together; sizes in bytes. */
export interface KindUsage<Item> {
  readonly TotalCount: number;
  readonly ActiveCount: number;
  readonly TotalSize: number;
  readonly Reclaimable: number;
  /** With `verbose`. */
  readonly Items?: readonly Item[] | undefined;
}

export interface BuildCacheRow {
  readonly ID: string;
  readonly Parents?: readonly string[] | undefined;
  readonly Type: string;
  readonly Description: string;
  readonly InUse: boolean;
  readonly Shared: boolean;
  readonly Size: number;
  /** RFC 3339. */
  readonly CreatedAt: string;
  readonly LastUsedAt: string | null;
  readonly UsageCount: number;
}

/** `POST /build/prune`. */
export interface BuildCachePruneReport {
  readonly CachesDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}

/** `POST /containers/prune`. */
export interface ContainersPruneReport {
  readonly ContainersDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}

/** `POST /images/prune`. */
export interface ImagesPruneReport {
  readonly ImagesDeleted: readonly ImageDeleteItem[] | null;
  readonly SpaceReclaimed: number;
}
