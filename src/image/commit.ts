import { required } from "../base/required.ts";
import { parseTrustedJson } from "../base/trusted-json.ts";
import { digestOf } from "../spec/digest.ts";
import { encodeImageConfig, type ImageConfig, parseImageConfig } from "../spec/image/config.ts";
import { encodeImageManifest, mediaTypes, parseImageDocument } from "../spec/image/manifest.ts";
import { Failure } from "../base/failure.ts";
import type { Digest } from "../spec/digest.ts";
import type { ImageId } from "../spec/image/id.ts";
import type { Reference } from "../spec/reference.ts";
import type { StagedBlob } from "./blobs/staged-blob.ts";
import type { ContentStore } from "./content-store.ts";
import type { LoadedLayer, LoadSink } from "./loaded-image.ts";
import { LayerContent } from "./unpacking/layer-content.ts";

export interface CommitOptions {
  readonly store: ContentStore;
  readonly sink: LoadSink;
  /** The image below. */
  readonly parent: ImageId;
  /** Its manifest, in the store. */
  readonly baseManifest: Digest;
  /** Of the new image, but for its topmost layer: `diffIds` are the base's. */
  readonly config: ImageConfig;
  readonly references: readonly Reference[];
  readonly signal: AbortSignal;
}

/**
 * Makes an image of another one and one more layer, whose tar is staged, and gives it to the sink; nothing is seen
 * before all is stored. Returns the new id.
 */
export async function commitLayer(layer: StagedBlob, options: CommitOptions): Promise<ImageId> {
  const { store, sink, parent, baseManifest, config, references, signal } = options;
  const below = await readLayers(store, { manifest: baseManifest, diffIds: config.diffIds });
  const own = await keepLayer(layer, { sink, signal });
  signal.throwIfAborted();
  const made = encodeImage(config, [...below, own]);
  await storeImage(made, { store, sink, references, parent });
  return made.id;
}

/** The layers of an image as its manifest names them. Throws "corrupt". */
export async function readLayers(
  store: ContentStore,
  { manifest, diffIds }: { readonly manifest: Digest; readonly diffIds: ImageConfig["diffIds"] },
): Promise<readonly LoadedLayer[]> {
  const read = parseImageDocument(await store.read(manifest));
  if (read.kind !== "manifest" || read.layers.length !== diffIds.length) {
    throw new Failure("corrupt", `cannot build on manifest ${manifest}: it does not fit its config`);
  }
  return read.layers.map(({ mediaType, digest, size }, index) => ({
    diffId: required(diffIds[index]),
    mediaType,
    digest,
    size,
  }));
}

/** Gives a layer, whose tar is staged, to the sink and then to the store. */
export async function keepLayer(
  layer: StagedBlob,
  {
    sink,
    signal,
  }: { readonly sink: Pick<LoadSink, "hasLayer" | "ensureLayer">; readonly signal: AbortSignal },
): Promise<LoadedLayer> {
  const { blob } = layer;
  const diffId = blob.digest;
  if (!(await sink.hasLayer(diffId))) {
    const source = { diffId, blob, isProven: true, path: layer.path, open: () => layer.open() };
    await sink.ensureLayer(diffId, new LayerContent(source, { signal }));
  }
  signal.throwIfAborted();
  await layer.commit();
  return { diffId, mediaType: mediaTypes.layerTar, digest: blob.digest, size: blob.size };
}

/** The documents of an image that is not stored yet. */
export interface EncodedImage {
  readonly id: ImageId;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
  readonly manifestDigest: Digest;
  readonly manifestBytes: Uint8Array;
  readonly layers: readonly LoadedLayer[];
}

/** An image of a configuration, whose `diffIds` are not read, and layers, the lowest first. */
export function encodeImage(
  config: ImageConfig,
  layers: readonly LoadedLayer[],
  /** More members of the document, which readers of images leave alone. */
  more: Readonly<Record<string, string>> = {},
): EncodedImage {
  const plain = encodeImageConfig({ ...config, diffIds: layers.map(({ diffId }) => diffId) });
  const configBytes = Object.keys(more).length === 0 ? plain : withMembers(plain, more);
  const id = digestOf(configBytes);
  const manifestBytes = encodeImageManifest({
    config: { digest: id, size: configBytes.length },
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  });
  return {
    id,
    config: parseImageConfig(configBytes),
    configBytes,
    manifestDigest: digestOf(manifestBytes),
    manifestBytes,
    layers,
  };
}

function withMembers(document: Uint8Array, more: Readonly<Record<string, string>>): Uint8Array {
  const text = Buffer.from(document).toString();
  return Buffer.from(JSON.stringify({ ...parseTrustedJson<object>(text), ...more }));
}

/** Stores the documents of an image whose layers are stored, and gives it to the sink. */
export async function storeImage(
  { id, config, configBytes, manifestDigest, manifestBytes, layers }: EncodedImage,
  {
    store,
    sink,
    references,
    parent,
  }: {
    readonly store: ContentStore;
    readonly sink: LoadSink;
    readonly references: readonly Reference[];
    readonly parent?: ImageId | undefined;
  },
): Promise<void> {
  await store.ingest([configBytes]);
  await store.ingest([manifestBytes]);
  const content = parseImageDocument(manifestBytes);
  if (content.kind !== "manifest")
    throw new Failure("internal", "cannot store the image: its manifest is none");
  await sink.addImage({
    id,
    config,
    manifest: { digest: manifestDigest, content },
    layers,
    references,
    parent,
  });
}
