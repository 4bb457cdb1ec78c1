import { Failure } from "../../base/failure.ts";
import { isForeign, mediaTypes, roleOf } from "./manifest.ts";

export const layerCompressions = ["gzip", "zstd"] as const;

/** How the tar of a layer is compressed for a registry. */
export type LayerCompression = (typeof layerCompressions)[number];

/** Throws "invalid". */
export function parseLayerCompression(text: string): LayerCompression {
  const found = layerCompressions.find((name) => name === text);
  if (found !== undefined) return found;
  throw new Failure("invalid", `invalid compression format "${text.slice(0, 40)}": want gzip or zstd`);
}

/** Whether layers of this type may be sent compressed. Foreign layers are fetched from elsewhere, by their digest. */
export function isCompressible(mediaType: string): boolean {
  return roleOf(mediaType) === "layer" && !isForeign(mediaType);
}

/** The type of the same layer, compressed. Docker has no type for zstd: OCI's is used. */
export function compressedType(mediaType: string, compression: LayerCompression): string {
  if (compression === "zstd") return mediaTypes.layerZstd;
  return isDocker(mediaType) ? "application/vnd.docker.image.rootfs.diff.tar.gzip" : mediaTypes.layerGzip;
}

/** The OCI type of a layer: an OCI manifest names no types of Docker's. */
export function ociLayerType(mediaType: string): string {
  if (mediaType.startsWith("application/vnd.oci.")) return mediaType;
  if (mediaType.endsWith("gzip")) return mediaTypes.layerGzip;
  return mediaType.endsWith("zstd") ? mediaTypes.layerZstd : mediaTypes.layerTar;
}

function isDocker(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.docker.");
}
