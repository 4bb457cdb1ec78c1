import { required } from "../../base/required.ts";
import { type Digest, hexOf } from "../../spec/digest.ts";
import { parseImageConfig } from "../../spec/image/config.ts";
import { type ImageManifest, parseImageDocument } from "../../spec/image/manifest.ts";
import { isEncrypted } from "../../spec/image/layer-encryption.ts";
import type { ContentStore } from "../content-store.ts";
import type { LoadedImage, LoadSink, StoredDocuments } from "../loaded-image.ts";
import type { ResolvedImage } from "../registry/resolve-image.ts";
import type { Report } from "../streams/reporting.ts";

export type StoredImage = Omit<LoadedImage, "references" | "digests">;

interface Targets {
  readonly store: ContentStore;
  readonly sink: LoadSink;
  readonly wantsBlobs?: boolean | undefined;
}

/**
 * The image of a registry's manifest where the same image, by its config, has come with other blobs: `load` stores
 * layers as the archive has them. All of it is here, so nothing is fetched. Undefined where something is missing, and
 * where the registry's blobs are here, too.
 */
export async function findSameImage(
  { manifest }: ResolvedImage,
  { report, ...targets }: Targets & { readonly report: Report },
): Promise<StoredImage | undefined> {
  const { config, layers } = manifest.content;
  if (layers.some(({ mediaType }) => isEncrypted(mediaType))) return undefined;
  const stored = targets.sink.findStored?.(config.digest);
  if (stored === undefined || stored.manifest === manifest.digest) return undefined;
  if (await hasLayers(manifest.content, targets)) return undefined;
  const image = await readStoredImage(config.digest, stored, targets);
  if (image === undefined) return undefined;
  for (const { digest } of layers) report({ kind: "layer", id: hexOf(digest).slice(0, 12), phase: "exists" });
  return { ...image, hasOtherManifest: true };
}

/** An image of the store by its documents; undefined unless they, all layers and all of their blobs are here. */
export async function readStoredImage(
  id: Digest,
  stored: StoredDocuments,
  targets: Targets,
): Promise<StoredImage | undefined> {
  const { store, sink } = targets;
  for (const document of [id, stored.manifest]) {
    if ((await store.findStored(document)) === undefined) return undefined;
  }
  const config = parseImageConfig(await store.read(id));
  const content = parseImageDocument(await store.read(stored.manifest));
  if (content.kind !== "manifest" || content.layers.length !== config.diffIds.length) return undefined;
  if (!(await hasLayers(content, targets))) return undefined;
  for (const diffId of config.diffIds) if (!(await sink.hasLayer(diffId))) return undefined;
  return {
    id,
    config,
    manifest: { digest: stored.manifest, content },
    layers: content.layers.map(({ digest, mediaType, size }, index) => ({
      diffId: required(config.diffIds[index]),
      digest,
      mediaType,
      size,
    })),
    index: stored.index,
  };
}

async function hasLayers(
  { layers }: ImageManifest,
  { store, wantsBlobs = false }: Pick<Targets, "store" | "wantsBlobs">,
): Promise<boolean> {
  for (const { digest } of layers) {
    const blob = wantsBlobs ? store.findStored(digest) : store.find(digest);
    if ((await blob) === undefined) return false;
  }
  return true;
}
