import type { KeyObject } from "node:crypto";
import { type Digest, digestOf } from "../../spec/digest.ts";
import type { ImageManifest } from "../../spec/image/manifest.ts";
import { isEncrypted, openLayer, plainType } from "../../spec/image/layer-encryption.ts";
import type { Blob } from "../blobs/blob.ts";
import type { ContentStore } from "../content-store.ts";
import { storedManifest } from "../pull/stored-manifest.ts";
import { decryptLayer } from "../streams/layer-cipher.ts";
import { type SpooledArchive, type SpooledFile, stagedFile } from "./spooled-archive.ts";

/** Where layers are decrypted to, and by what. */
export interface Decryption {
  readonly store: ContentStore;
  readonly keys: readonly KeyObject[];
  readonly signal: AbortSignal;
}

/** Files of an image's layers, and the manifest that is true of them. */
export interface DecryptedImage {
  readonly layerFiles: readonly SpooledFile[];
  readonly manifest: { readonly bytes: Uint8Array; readonly layerTypes: readonly string[] };
  /** The manifest as it came, when layers of it were encrypted. */
  readonly decryptedFrom?: Digest | undefined;
}

/**
 * The layers of an archive's image, those decrypted that are encrypted: each to a draft of the store, which is the
 * archive's from then on, so that nothing stays of an image that is refused later. Throws as openLayer() and
 * decryptLayer() do.
 */
export async function decryptImage(
  archive: SpooledArchive,
  { content, bytes }: { readonly content: ImageManifest; readonly bytes: Uint8Array },
  decryption: Decryption,
): Promise<DecryptedImage> {
  const layerTypes = content.layers.map(({ mediaType }) => plainType(mediaType));
  if (!content.layers.some(({ mediaType }) => isEncrypted(mediaType))) {
    const layerFiles = content.layers.map((layer) => archive.getBlob(layer));
    return { layerFiles, manifest: { bytes, layerTypes } };
  }
  // All of them are opened before the first is decrypted: a missing key is reported at once.
  const opened = content.layers.map((layer) => ({
    layer,
    file: archive.getBlob(layer),
    sealed: isEncrypted(layer.mediaType) ? openLayer(layer, decryption.keys) : undefined,
  }));
  const plain = new Map<Digest, SpooledFile>();
  for (const { layer, file, sealed } of opened) {
    if (sealed === undefined || plain.has(layer.digest)) continue;
    const draft = archive.own(await decryption.store.draft({ expected: { size: layer.size } }));
    for await (const piece of decryptLayer(file.open(), { ...sealed, blob: layer.digest })) {
      decryption.signal.throwIfAborted();
      await draft.write(piece);
    }
    await draft.finish();
    plain.set(layer.digest, stagedFile(draft.staged));
  }
  const blobs = new Map<Digest, Blob>([...plain].map(([digest, { blob }]) => [digest, blob]));
  return {
    layerFiles: opened.map(({ layer, file }) => plain.get(layer.digest) ?? file),
    manifest: { bytes: storedManifest(bytes, blobs), layerTypes },
    decryptedFrom: digestOf(bytes),
  };
}
