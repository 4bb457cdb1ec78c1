import type { ContainerSummary } from "./container.ts";
import type { ImageDeleteItem, ImageSummary } from "./image.ts";
import type { Volume } from "./volume.ts";

/** `GET /system/df`; null: not asked for. */
export interface SystemUsage {
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[] | null;
  readonly Containers: readonly ContainerSummary[] | null;
  readonly Volumes: readonly Volume[] | null;
  readonly BuildCache: readonly BuildCacheRow[] | null;
  /** Before 1.42. */
  readonly BuilderSize?: number | undefined;
}

export interface BuildCacheRow {
  readonly ID: string;
  readonly Type: string;
  readonly InUse: boolean;
  readonly Shared: boolean;
  readonly Size: number;
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
