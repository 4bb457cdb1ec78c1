import type { ContainerSummary as ContainerRow } from "../api/types/container.ts";
import type { ImageSummary as ImageRow } from "../api/types/image.ts";
import type { StoreUsage as StoreUsageReply } from "../api/types/tare.ts";
import type { Volume } from "../api/types/volume.ts";
import type { ContainerSummary } from "../model/containers.ts";
import type { DiskUsage, StoreUsage } from "../model/usage.ts";
import type { VolumeDetails, VolumeUsage } from "../model/volumes.ts";
import { imageSummaryOf } from "./inspect-reply.ts";
import type { ContainerSizes } from "../model/container-sizes.ts";
import { parseContainerId } from "../model/ids.ts";

/** The daemon's report on its data root, in the engine's words. */
export function storeUsageOf({
  Policy,
  TotalSize,
  Kinds,
  Rebuildable,
  Refetchable,
}: StoreUsageReply): StoreUsage {
  const counted = ({ Count, Size }: { readonly Count: number; readonly Size: number }) => ({
    count: Count,
    bytes: Size,
  });
  return {
    policy: Policy,
    totalBytes: TotalSize,
    rows: Kinds.map(({ Kind, ...rest }) => ({ kind: Kind, ...counted(rest) })),
    rebuildable: counted(Rebuildable),
    refetchable: counted(Refetchable),
  };
}

type ImageUsage = NonNullable<DiskUsage["images"]>[number];

/** The reply of `system df`, in the engine's words. */
export function imageUsageOf(row: ImageRow): ImageUsage {
  return { ...imageSummaryOf(row), sharedBytes: row.SharedSize };
}

/** Without those that were not measured. */
export function withSizes(
  container: ContainerSummary,
): readonly (ContainerSummary & { readonly sizes: ContainerSizes })[] {
  return container.sizes === undefined ? [] : [{ ...container, sizes: container.sizes }];
}

export function volumeDetailsOf({ Name, Mountpoint, CreatedAt, Labels, Options }: Volume): VolumeDetails {
  return {
    name: Name,
    driver: "local",
    mountpoint: Mountpoint,
    createdAt: CreatedAt === undefined ? 0 : Date.parse(CreatedAt),
    labels: Labels ?? {},
    options: Options ?? {},
  };
}

/** The reply only counts the users of a volume: their ids come from the list of containers. */
export function volumeUsageOf(
  { Name, UsageData }: Volume,
  containers: readonly Pick<ContainerRow, "Id" | "Mounts">[],
): VolumeUsage {
  const users = containers.filter(({ Mounts }) => (Mounts ?? []).some((mount) => mount.Name === Name));
  return { bytes: UsageData?.Size ?? 0, containers: users.map(({ Id }) => parseContainerId(Id)) };
}

export function volumeWithUsageOf(
  volume: Volume,
  containers: readonly Pick<ContainerRow, "Id" | "Mounts">[],
): VolumeDetails & { readonly usage: VolumeUsage } {
  return { ...volumeDetailsOf(volume), usage: volumeUsageOf(volume, containers) };
}
