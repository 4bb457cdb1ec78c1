import type { KeyObject } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import { type Digest, digestOf } from "../../spec/digest.ts";
import { type Descriptor, type ImageManifest, mediaTypes } from "../../spec/image/manifest.ts";
import { ociLayerType } from "../../spec/image/layer-compression.ts";
import {
  encryptedType,
  isEncrypted,
  type LayerSecret,
  newSecret,
  sealLayer,
} from "../../spec/image/layer-encryption.ts";
import type { ContentStore } from "../content-store.ts";
import { encryptLayer, measureEncrypted } from "../streams/layer-cipher.ts";
import { rewriteManifest } from "./rewrite-manifest.ts";

/** The keys for the layers of a pushed image. */
export interface LayerEncryption {
  /** Public. */
  readonly keys: readonly KeyObject[];
  /** 0 is the first, −1 the last; absent: all. */
  readonly layers?: readonly number[] | undefined;
}

/** A blob as it goes out, which is not in the store. */
export interface SealedBlob {
  readonly digest: Digest;
  readonly size: number;
  open(offset: number): AsyncIterable<Uint8Array>;
}

/**
 * A manifest whose layers are encrypted, and their blobs, which are made of the plain ones each time that they are
 * read.
 */
export interface EncryptedImage {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly layers: readonly Descriptor[];
  readonly blobs: ReadonlyMap<Digest, SealedBlob>;
}

/**
 * Encrypts layers for the holders of the keys: each layer with its own key, which its descriptor contains for each of
 * them. It reads the layers once to determine the result. The new manifest is in OCI's format. Throws "invalid" for a
 * layer index that does not exist.
 */
export async function encryptLayers(
  manifest: { readonly bytes: Uint8Array; readonly content: ImageManifest },
  { keys, layers: wanted }: LayerEncryption,
  { store, signal }: { readonly store: ContentStore; readonly signal: AbortSignal },
): Promise<EncryptedImage> {
  const plain = manifest.content.layers;
  const chosen = chooseLayers(plain.length, wanted);
  const blobs = new Map<Digest, SealedBlob>();
  const layers: Descriptor[] = [];
  const known = new Map<Digest, Descriptor>();
  for (const [index, layer] of plain.entries()) {
    signal.throwIfAborted();
    if (isEncrypted(layer.mediaType)) throw new Failure("unsupported", "cannot encrypt a layer twice");
    const oci = { ...layer, mediaType: ociLayerType(layer.mediaType) };
    if (!chosen.has(index)) {
      layers.push(oci);
      continue;
    }
    const sealed = known.get(layer.digest) ?? (await sealOne(oci, { keys, store, blobs }));
    known.set(layer.digest, sealed);
    layers.push(sealed);
  }
  const bytes = rewriteManifest(manifest.bytes, layers, { isOci: true });
  return { bytes, digest: digestOf(bytes), mediaType: mediaTypes.manifest, layers, blobs };
}

async function sealOne(
  layer: Descriptor,
  {
    keys,
    store,
    blobs,
  }: {
    readonly keys: readonly KeyObject[];
    readonly store: ContentStore;
    readonly blobs: Map<Digest, SealedBlob>;
  },
): Promise<Descriptor> {
  const secret: LayerSecret = newSecret();
  const open = (from: number): AsyncIterable<Uint8Array> => store.open(layer.digest, { from });
  const { digest, size, hmac } = await measureEncrypted(open, secret);
  blobs.set(digest, { digest, size, open: (offset) => encryptLayer(open, { secret, offset }) });
  const annotations = { ...layer.annotations, ...sealLayer({ ...secret, hmac, digest: layer.digest }, keys) };
  return { ...layer, mediaType: encryptedType(layer.mediaType), digest, size, annotations };
}

function chooseLayers(count: number, wanted: readonly number[] | undefined): ReadonlySet<number> {
  if (wanted === undefined || wanted.length === 0)
    return new Set(Array.from({ length: count }, (_, index) => index));
  return new Set(
    wanted.map((index) => {
      const at = index < 0 ? count + index : index;
      if (at >= 0 && at < count) return at;
      throw new Failure("invalid", `cannot encrypt layer ${index}: the image has ${count}`);
    }),
  );
}
