import { required } from "../../base/required.ts";
import { Failure } from "../../base/failure.ts";
import type { Digest } from "../../spec/digest.ts";
import { type ImageConfig, parseImageConfig } from "../../spec/image/config.ts";
import { encodeImageManifest, maxManifestBytes, mediaTypes } from "../../spec/image/manifest.ts";
import type { Reference } from "../../spec/reference.ts";
import { type Compression, compressionOf } from "../streams/compression.ts";
import type { SpooledFile } from "./spooled-archive.ts";

/** An image as found in an archive: read and checked, its layers not yet. */
export interface ArchiveImage {
  readonly config: ImageConfig;
  readonly configFile: SpooledFile;
  /** As it came, or made when the archive has none. */
  readonly manifestBytes: Uint8Array;
  readonly layers: readonly LayerPart[];
  readonly references: readonly Reference[];
  /** The manifest as it came, when layers of it were encrypted. */
  readonly decryptedFrom?: Digest | undefined;
  /** Content that is packed like an image but is none: files that are stored unchanged. */
  readonly artifact?: { readonly type: string; readonly files: readonly SpooledFile[] } | undefined;
}

export interface LayerPart {
  readonly diffId: Digest;
  readonly mediaType: string;
  readonly compression: Compression;
  readonly file: SpooledFile;
}

/** Puts an image together from its files; without `manifest` one is made. */
export async function assembleImage(parts: {
  readonly configFile: SpooledFile;
  readonly layerFiles: readonly SpooledFile[];
  readonly references: readonly Reference[];
  readonly manifest?: { readonly bytes: Uint8Array; readonly layerTypes: readonly string[] } | undefined;
  readonly decryptedFrom?: Digest | undefined;
}): Promise<ArchiveImage> {
  const { configFile, layerFiles, references, manifest, decryptedFrom } = parts;
  const config = parseImageConfig(await configFile.read(maxManifestBytes));
  if (config.diffIds.length !== layerFiles.length) {
    throw new Failure(
      "invalid",
      `cannot load image ${configFile.blob.digest}: it has ${layerFiles.length} layers, its config names ${config.diffIds.length}`,
    );
  }
  const layers: LayerPart[] = [];
  for (const [index, file] of layerFiles.entries()) {
    const compression = await compressionOf(file.open());
    const mediaType = manifest?.layerTypes[index] ?? typeOfCompression[compression];
    layers.push({ diffId: required(config.diffIds[index]), mediaType, compression, file });
  }
  const manifestBytes =
    manifest?.bytes ??
    encodeImageManifest({
      config: configFile.blob,
      layers: layers.map(({ mediaType, file }) => ({ mediaType, ...file.blob })),
    });
  const origin = decryptedFrom === undefined ? {} : { decryptedFrom };
  return { config, configFile, manifestBytes, layers, references, ...origin };
}

const typeOfCompression: Readonly<Record<Compression, string>> = {
  plain: mediaTypes.layerTar,
  gzip: mediaTypes.layerGzip,
  zstd: mediaTypes.layerZstd,
};
