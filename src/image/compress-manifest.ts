import { Failure } from "../base/failure.ts";
import type { LayerCompression } from "../spec/image/layer-compression.ts";
import { type Descriptor, parseImageDocument } from "../spec/image/manifest.ts";
import { type CompressOptions, compressLayers } from "./push/compress-layers.ts";

/** The layers of a manifest with compressed blobs in place of plain tars, which the store then has. */
export async function compressManifest(
  bytes: Uint8Array,
  {
    compression,
    ...options
  }: Omit<CompressOptions, "compression"> & { readonly compression: LayerCompression | "uncompressed" },
): Promise<readonly Descriptor[]> {
  const content = parseImageDocument(bytes);
  if (content.kind !== "manifest") throw new Failure("internal", "cannot compress an index");
  if (compression === "uncompressed") return content.layers;
  return (await compressLayers({ bytes, content }, { ...options, compression })).content.layers;
}
