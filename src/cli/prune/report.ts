import type { NetworkPruneResponse } from "../../api/types/network.ts";
import type { ContainersPruneReport, ImagesPruneReport } from "../../api/types/usage.ts";
import type { VolumePruneResponse } from "../../api/types/volume.ts";
import { formatByteSize } from "../../base/byte-size.ts";

/** The removed objects under a heading, and an empty line; nothing when there are none. */
export function formatRemoved(heading: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${heading}:\n${lines.map((line) => `${line}\n`).join("")}\n`;
}

export function formatContainersReport({ ContainersDeleted }: ContainersPruneReport): string {
  return formatRemoved("Deleted Containers", ContainersDeleted ?? []);
}

export function formatImagesReport({ ImagesDeleted }: ImagesPruneReport): string {
  return formatRemoved(
    "Deleted Images",
    (ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
      Untagged === undefined ? `deleted: ${Deleted}` : `untagged: ${Untagged}`,
    ),
  );
}

export function formatVolumesReport({ VolumesDeleted }: VolumePruneResponse): string {
  return formatRemoved("Deleted Volumes", VolumesDeleted ?? []);
}

export function formatNetworksReport({ NetworksDeleted }: NetworkPruneResponse): string {
  return formatRemoved("Deleted Networks", NetworksDeleted ?? []);
}

export function formatReclaimed(bytes: number): string {
  return `Total reclaimed space: ${formatByteSize(bytes)}\n`;
}
