import { Failure } from "../../base/failure.ts";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fault } from "../../base/fault.ts";
import type { Digest } from "../../spec/digest.ts";
import {
  type Descriptor,
  type ImageManifest,
  mediaTypes,
  parseImageDocument,
} from "../../spec/image/manifest.ts";
import {
  compressedType,
  isCompressible,
  type LayerCompression,
  ociLayerType,
} from "../../spec/image/layer-compression.ts";
import type { Blob } from "../blobs/blob.ts";
import { stageBlob } from "../blobs/stage-blob.ts";
import type { ContentStore } from "../content-store.ts";
import { compressedForms } from "../rebuild/blob-form.ts";
import { forEachBounded } from "../streams/bounded.ts";
import { compressionOf } from "../streams/compression.ts";
import { takeThread } from "../threads/job-threads.ts";
import { rewriteManifest } from "./rewrite-manifest.ts";

interface Manifest {
  readonly bytes: Uint8Array;
  readonly content: ImageManifest;
}

export interface CompressOptions {
  readonly store: ContentStore;
  readonly compression: LayerCompression;
  /** Of the image's layers: a blob whose digest is its layer's diffID is an uncompressed tar. */
  readonly diffIds: readonly Digest[];
  /** Blobs of the same layer that other images have. */
  readonly otherBlobs: (diffId: Digest) => readonly Digest[];
  /** Bytes of a layer that have been compressed. */
  readonly onBytes?: ((layer: Descriptor, bytes: number) => void) | undefined;
  readonly signal: AbortSignal;
}

/** A smaller layer is compressed before a thread has started. */
const smallBytes = 256 * 1024;
const layersAtOnce = 4;

/**
 * The manifest with compressed blobs in place of those that are plain tars, and these blobs in the store. Each layer is
 * compressed once: the store keeps the result. A manifest without plain tars stays as it is, to the byte. Layers as
 * zstd need an OCI manifest.
 */
export async function compressLayers(manifest: Manifest, options: CompressOptions): Promise<Manifest> {
  const { compression, diffIds, signal } = options;
  const plain = manifest.content.layers.filter(
    ({ digest, mediaType }, index) => digest === diffIds[index] && isCompressible(mediaType),
  );
  if (plain.length === 0) return manifest;
  const blobs = new Map<Digest, Blob>();
  const distinct = new Map(plain.map((layer) => [layer.digest, layer]));
  await forEachBounded(distinct.values(), { limit: layersAtOnce, signal }, async (layer, both) => {
    blobs.set(layer.digest, await compressedBlobOf(layer, { ...options, signal: both }));
  });
  const isOci = compression === "zstd" || manifest.content.mediaType === mediaTypes.manifest;
  const layers = manifest.content.layers.map((layer): Descriptor => {
    const blob = plain.includes(layer) ? blobs.get(layer.digest) : undefined;
    const mediaType = compression === "zstd" ? ociLayerType(layer.mediaType) : layer.mediaType;
    if (blob === undefined) return { ...layer, mediaType };
    return { ...layer, ...blob, mediaType: compressedType(layer.mediaType, compression) };
  });
  const bytes = rewriteManifest(manifest.bytes, layers, { isOci });
  const content = parseImageDocument(bytes);
  if (content.kind !== "manifest") throw new Failure("internal", "cannot push: a manifest became an index");
  return { bytes, content };
}

async function compressedBlobOf(layer: Descriptor, options: CompressOptions): Promise<Blob> {
  const { store, compression, signal } = options;
  const diffId = layer.digest;
  using _ = await store.compressed.lock.acquire(`${diffId} ${compression}`, { signal });
  return (
    (await store.findCompressed(diffId, compression)) ??
    (await findOther(diffId, options)) ??
    (await compressLayer(layer, options))
  );
}

/** The blob of another image with the same layer that is compressed as wanted. */
async function findOther(
  diffId: Digest,
  { store, compression, otherBlobs }: CompressOptions,
): Promise<Blob | undefined> {
  for (const digest of otherBlobs(diffId)) {
    const found = digest === diffId ? undefined : await store.findStored(digest);
    if (found !== undefined && (await compressionOf(store.open(digest))) === compression) return found;
  }
  return undefined;
}

async function compressLayer(layer: Descriptor, options: CompressOptions): Promise<Blob> {
  const { store, compression, onBytes = () => undefined, signal } = options;
  const path = join(store.ingestDirectory, randomBytes(16).toString("hex"));
  const job = { path, inflates: false, compressAs: compressedForms[compression] };
  const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    let bytes = 0;
    for await (const piece of store.open(layer.digest, { verify: true })) {
      bytes += piece.length;
      onBytes(layer, bytes);
      yield piece;
    }
  };
  let made: Blob;
  if (layer.size <= smallBytes) {
    made = await stageBlob(job, counted(), signal);
  } else {
    using thread = await takeThread(signal);
    made = await thread.run("stage", job, { input: counted(), signal });
  }
  await using staged = store.stage(path, made);
  fault("layer.compressed");
  await store.compressed.put({ diffId: layer.digest, compression, digest: made.digest });
  return await staged.commit();
}
