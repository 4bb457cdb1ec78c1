import { Failure } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { digestOf, hexOf } from "../../spec/digest.ts";
import { parseImageDocument } from "../../spec/image/manifest.ts";
import { formatFamiliar } from "../../spec/reference.ts";
import { forEachBounded } from "../streams/bounded.ts";
import type { ContentStore } from "../content-store.ts";
import type { ArchiveImage, LayerPart } from "./archive-image.ts";
import type { LoadedImage, LoadSink } from "../loaded-image.ts";
import { LayerContent, type LayerSource } from "../unpacking/layer-content.ts";
import type { Report } from "../streams/reporting.ts";

const layersAtOnce = 2;

export interface StoreTargets {
  readonly store: ContentStore;
  readonly sink: LoadSink;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/**
 * Proves and unpacks all layers, then stores all blobs, then hands over the images: no image is seen before everything
 * of all of them is there.
 */
export async function storeImages(
  images: readonly ArchiveImage[],
  targets: StoreTargets,
): Promise<readonly LoadedImage[]> {
  const { store, sink, report, signal } = targets;
  const layers = images.flatMap((image) => image.layers);
  const byDiffId = new Map(layers.map((layer) => [layer.diffId, layer]));
  await forEachBounded(byDiffId.values(), { limit: layersAtOnce, signal }, (layer, both) =>
    storeLayer(layer, { ...targets, signal: both }),
  );
  // The same layer may come in two compressions: the other one has to be proven too.
  const others = new Set(
    layers.filter((layer) => byDiffId.get(layer.diffId)?.file.blob.digest !== layer.file.blob.digest),
  );
  await forEachBounded(others, { limit: layersAtOnce, signal }, (layer, both) =>
    new LayerContent(sourceOf(layer), { signal: both }).prove(),
  );
  const blobs = new Map(
    [
      ...images.map(({ configFile }) => configFile),
      ...images.flatMap(({ artifact }) => artifact?.files ?? []),
      ...layers.map(({ file }) => file),
    ].map((file) => [file.blob.digest, file]),
  );
  await forEachBounded(blobs.values(), { limit: 4, signal }, async (file) => void (await file.commit()));
  const loaded: LoadedImage[] = [];
  for (const image of images) {
    await store.ingest([image.manifestBytes]);
    loaded.push(describe(image));
  }
  fault("images.stored");
  for (const image of loaded) {
    await sink.addImage(image);
    const names = image.references.length === 0 ? [undefined] : image.references.map(formatFamiliar);
    for (const reference of names) {
      report({ kind: "image", id: image.id, reference });
    }
  }
  return loaded;
}

async function storeLayer(layer: LayerPart, { sink, report, signal }: StoreTargets): Promise<void> {
  const id = hexOf(layer.diffId).slice(0, 12);
  const totalBytes = layer.file.blob.size;
  let currentBytes = 0;
  const isThere = await sink.hasLayer(layer.diffId);
  const phase = isThere ? "verifying" : "unpacking";
  const content = new LayerContent(sourceOf(layer), {
    signal,
    onBytes: (bytes) => {
      currentBytes += bytes;
      report({ kind: "layer", id, phase, currentBytes, totalBytes });
    },
  });
  if (isThere) {
    await content.prove();
    report({ kind: "layer", id, phase: "exists" });
    return;
  }
  await sink.ensureLayer(layer.diffId, content);
  if (content.isOpened && !content.isProven) {
    throw new Failure("internal", `cannot store layer ${layer.diffId}: it was not read to its end`);
  }
  // Another operation may have stored it meanwhile, so that it was not opened; this blob is kept all the same.
  if (!content.isProven) await content.prove();
  report({ kind: "layer", id, phase: "done" });
}

function sourceOf({ diffId, compression, file }: LayerPart): LayerSource {
  const { blob, path } = file;
  return { diffId, compression, blob, isProven: true, path, open: () => file.open() };
}

function describe(image: ArchiveImage): LoadedImage {
  const content = parseImageDocument(image.manifestBytes);
  if (content.kind !== "manifest")
    throw new Failure("internal", "cannot load an image: its manifest is an index");
  return Object.freeze({
    id: image.artifact === undefined ? image.configFile.blob.digest : digestOf(image.manifestBytes),
    artifactType: image.artifact?.type,
    config: image.config,
    manifest: Object.freeze({
      digest: digestOf(image.manifestBytes),
      content,
    }),
    layers: Object.freeze(
      image.layers.map(({ diffId, mediaType, file }) => Object.freeze({ diffId, mediaType, ...file.blob })),
    ),
    references: image.references,
    decryptedFrom: image.decryptedFrom,
  });
}
