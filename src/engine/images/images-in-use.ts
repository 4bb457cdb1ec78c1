import type { Digest } from "../../spec/digest.ts";
import type { ContainerRecord } from "../state/records.ts";
import type { ImageMount } from "../../model/mounts.ts";

/** The image that a container is made of, and those that it mounts. */
export function imagesOf(record: Pick<ContainerRecord, "imageId" | "spec">): readonly string[] {
  return [record.imageId, ...imageMountsOf(record).flatMap(({ imageId }) => imageId ?? [])];
}

/** The layers that a container stands on, and those of the images that it mounts. */
export function layersOf(record: Pick<ContainerRecord, "layers" | "spec">): readonly Digest[] {
  return [...record.layers, ...imageMountsOf(record).flatMap(({ layers = [] }) => layers)];
}

function imageMountsOf({ spec }: Pick<ContainerRecord, "spec">): readonly ImageMount[] {
  return (spec.storage?.mounts ?? []).filter((mount): mount is ImageMount => mount.kind === "image");
}
