import type { ImageSummary } from "./images.ts";
import type { VolumeDetails, VolumeUsage } from "./volumes.ts";
import type { ContainerSummary } from "./containers.ts";
import type { ContainerSizes } from "./container-sizes.ts";

/** Kind of object whose disk usage is measured. */
export type UsageKind = "image" | "container" | "volume";

/** The disk usage by kind; absent: not requested. */
export interface DiskUsage {
  /** Length of the files of all images' layers, each layer once. */
  readonly layersBytes: number;
  readonly images?:
    | readonly (ImageSummary & {
        /** Of its layers that other images have, too. */
        readonly sharedBytes: number;
      })[]
    | undefined;
  readonly containers?: readonly (ContainerSummary & { readonly sizes: ContainerSizes })[] | undefined;
  readonly volumes?: readonly (VolumeDetails & { readonly usage: VolumeUsage })[] | undefined;
}

/** Kind of content of the data root. */
export type StoreKind =
  | "layers"
  | "blobs"
  | "dropped-blobs"
  | "partial-downloads"
  | "containers"
  | "volumes"
  | "being-removed"
  | "records";

/** Disk usage of one kind of content. */
export interface StoreUsageRow {
  readonly kind: StoreKind;
  readonly count: number;
  /** Blocks on the disk, directories with them. */
  readonly bytes: number;
}

/** The disk usage of the data root by kind; the rows together are all of it, to the byte. */
export interface StoreUsage {
  /** "keep", "rebuild" or "refetch". */
  readonly policy: string;
  readonly totalBytes: number;
  readonly rows: readonly StoreUsageRow[];
  /** Blobs that are not on the disk, as long as they would be: those that can be made again of layers. */
  readonly rebuildable: { readonly count: number; readonly bytes: number };
  /** And those that a registry has. */
  readonly refetchable: { readonly count: number; readonly bytes: number };
}
