import {
  type CacheLayer,
  type CacheRecord,
  cacheConfigType,
  encodeCacheConfig,
  encodeInlineCache,
  inlineCacheMember,
} from "../../build/exporters/cache-config.ts";
import type { BuiltLayer } from "../../build/solver/solver.ts";
import { required } from "../../base/required.ts";
import { type EncodedImage, encodeImage } from "../../image/commit.ts";
import { compressManifest } from "../../image/compress-manifest.ts";
import { pushDocuments } from "../../image/push-documents.ts";
import type { CacheExportOptions } from "../../model/builds.ts";
import { digestOf } from "../../spec/digest.ts";
import { type ImageConfig, noDefaults } from "../../spec/image/config.ts";
import { hostPlatform } from "../../spec/platform.ts";
import { mediaTypes } from "../../spec/image/manifest.ts";
import { parseReference, withDefaultTag } from "../../spec/reference.ts";
import type { ContainerContext } from "../context.ts";
import { blobsOfLayer, describePush } from "../images/push.ts";
import type { OpenResult } from "./named-contexts.ts";

/** The image with the keys of its steps in its config. */
export function withInlineCache(
  image: EncodedImage,
  { layers, worker }: Pick<OpenResult, "layers" | "worker">,
): EncodedImage {
  const records = [...worker.used].flatMap(([key, { diffId, createdAtMs = 0 }]): CacheRecord[] => {
    const layer = layers.findIndex((each) => each.diffId === diffId);
    return layer < 0 ? [] : [{ key, layer, createdAtMs }];
  });
  return encodeImage(image.config, layers, { [inlineCacheMember]: encodeInlineCache(records) });
}

/** Pushes the results of steps with their keys: those in the images, or all with mode "max". */
export async function exportCache(
  results: readonly OpenResult[],
  {
    context,
    reference: text,
    mode,
    compression = "gzip",
    insecure,
    findCredentials,
    onPart,
    signal = context.closing,
  }: CacheExportOptions & { readonly context: ContainerContext },
): Promise<void> {
  const { content: store } = context.dependencies;
  const steps = new Map(results.flatMap((result) => stepsOf(result, mode)));
  const distinct = [...new Map([...steps.values()].map((layer) => [layer.diffId, layer])).values()];
  onPart?.("preparing build cache for export");
  const layers = await compressedOf(distinct, { context, compression, signal });
  const records = [...steps].map(([key, { diffId, createdAtMs = 0 }]): CacheRecord => {
    return { key, layer: distinct.findIndex((each) => each.diffId === diffId), createdAtMs };
  });
  const configBytes = encodeCacheConfig(layers, records);
  const config = { mediaType: cacheConfigType, digest: digestOf(configBytes), size: configBytes.length };
  const pointers = layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: pointers }),
  );
  const root = { mediaType: mediaTypes.manifest, digest: digestOf(manifest), size: manifest.length };
  const documents = new Map([
    [config.digest, { mediaType: cacheConfigType, bytes: configBytes, isManifest: false }],
    [root.digest, { mediaType: root.mediaType, bytes: manifest, isManifest: true }],
  ]);
  const reference = withDefaultTag(parseReference(text));
  try {
    await pushDocuments({ root, documents, layers }, reference, {
      registries: await context.dependencies.openRegistries(),
      store,
      insecure,
      credentials: await findCredentials?.(reference.domain, signal),
      onPart,
      signal,
    });
  } catch (thrown) {
    throw describePush(thrown, reference);
  }
}

const emptyConfig: ImageConfig = { platform: hostPlatform(), defaults: noDefaults, diffIds: [], history: [] };

function stepsOf(
  { layers, worker }: OpenResult,
  mode: CacheExportOptions["mode"],
): readonly (readonly [string, BuiltLayer])[] {
  const kept = new Set(layers.map(({ diffId }) => diffId));
  return [...worker.used].filter(([, { diffId }]) => mode === "max" || kept.has(diffId));
}

async function compressedOf(
  layers: readonly BuiltLayer[],
  {
    context,
    compression,
    signal,
  }: {
    readonly context: ContainerContext;
    readonly compression: NonNullable<CacheExportOptions["compression"]>;
    readonly signal: AbortSignal;
  },
): Promise<readonly CacheLayer[]> {
  if (layers.length === 0) return [];
  // Blobs are compressed by the manifest that has them.
  const { manifestBytes } = encodeImage(emptyConfig, layers);
  const diffIds = layers.map(({ diffId }) => diffId);
  const compressed = await compressManifest(manifestBytes, {
    store: context.dependencies.content,
    compression,
    diffIds,
    otherBlobs: (diffId) => blobsOfLayer(context.state, diffId),
    signal,
  });
  return compressed.map(({ mediaType, digest, size }, at) => ({
    mediaType,
    digest,
    size,
    diffId: required(diffIds[at]),
  }));
}
