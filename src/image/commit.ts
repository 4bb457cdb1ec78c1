import { required } from "../base/required.ts";
import { digestOf } from "../spec/digest.ts";
import { encodeImageConfig, type ImageConfig, parseImageConfig } from "../spec/image/config.ts";
import { encodeImageManifest, mediaTypes, parseImageDocument } from "../spec/image/manifest.ts";
import { Failure } from "../base/failure.ts";
import type { Digest } from "../spec/digest.ts";
import type { ImageId } from "../spec/image/id.ts";
import type { Reference } from "../spec/reference.ts";
import type { StagedBlob } from "./blobs/staged-blob.ts";
import type { ContentStore } from "./content-store.ts";
import type { LoadSink } from "./loaded-image.ts";
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
  const base = parseImageDocument(await store.read(baseManifest));
  if (base.kind !== "manifest" || base.layers.length !== config.diffIds.length) {
    throw new Failure("corrupt", `cannot build on manifest ${baseManifest}: it does not fit its config`);
  }
  const { blob } = layer;
  const diffId = blob.digest;
  if (!(await sink.hasLayer(diffId))) {
    const source = { diffId, blob, isProven: true, path: layer.path, open: () => layer.open() };
    await sink.ensureLayer(diffId, new LayerContent(source, { signal }));
  }
  signal.throwIfAborted();
  await layer.commit();
  signal.throwIfAborted();
  const configBytes = encodeImageConfig({ ...config, diffIds: [...config.diffIds, diffId] });
  const configBlob = await store.ingest([configBytes]);
  const layers = [...base.layers, { mediaType: mediaTypes.layerTar, ...blob }];
  const manifestBytes = encodeImageManifest({ config: configBlob, layers });
  await store.ingest([manifestBytes]);
  const content = parseImageDocument(manifestBytes);
  if (content.kind !== "manifest") throw new Failure("internal", "cannot commit: the manifest is none");
  const read = parseImageConfig(configBytes);
  await sink.addImage({
    id: configBlob.digest,
    config: read,
    manifest: { digest: digestOf(manifestBytes), content },
    layers: layers.map(({ mediaType, digest, size }, index) => ({
      diffId: required(read.diffIds[index]),
      mediaType,
      digest,
      size,
    })),
    references,
    parent,
  });
  return configBlob.digest;
}
