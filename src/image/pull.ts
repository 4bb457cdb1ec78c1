import { required } from "../base/required.ts";
import type { KeyObject } from "node:crypto";
import { Failure } from "../base/failure.ts";
import { fault } from "../base/fault.ts";
import type { Progress } from "../base/progress.ts";
import { type Digest, digestOf, hexOf } from "../spec/digest.ts";
import { artifactTypeOf } from "../spec/image/artifact.ts";
import { parseImageConfig } from "../spec/image/config.ts";
import {
  type Descriptor,
  type ImageManifest,
  maxManifestBytes,
  parseImageDocument,
} from "../spec/image/manifest.ts";
import { type Platform, hostPlatform } from "../spec/platform.ts";
import { formatFamiliar, type Reference, repositoryOf, withDefaultTag } from "../spec/reference.ts";
import type { Blob } from "./blobs/blob.ts";
import type { PartialBlob } from "./blobs/partial-blob.ts";
import type { ContentStore } from "./content-store.ts";
import type { Downloads } from "./downloads.ts";
import type { LoadedImage, LoadedLayer, LoadSink } from "./loaded-image.ts";
import type { Registries } from "./registries.ts";
import { downloadBlob } from "./registry/download.ts";
import type { Repository } from "./registry/repository.ts";
import { resolveImage, type ResolvedImage } from "./registry/resolve-image.ts";
import { forEachBounded } from "./streams/bounded.ts";
import { type Report, reporting } from "./streams/reporting.ts";
import { fetchArtifact } from "./pull/artifact.ts";
import { findDecrypted } from "./pull/find-decrypted.ts";
import { storeLayerBlob } from "./pull/layer.ts";
import { explainForeign, openLayers } from "./pull/open-layers.ts";
import { storeSealedLayer } from "./pull/sealed-layer.ts";
import { findSameImage } from "./pull/stored-image.ts";
import { storedManifest } from "./pull/stored-manifest.ts";
import { Transfer } from "./transfer.ts";
import type { RegistryCredentials } from "../spec/registry/registry-credentials.ts";

export interface PullOptions {
  readonly registries: Registries;
  readonly store: ContentStore;
  readonly sink: LoadSink;
  /** Shared by all pulls of one store. */
  readonly downloads: Downloads;
  /** Blobs that were dropped are fetched again, too. */
  readonly wantsBlobs?: boolean | undefined;
  /** Which image of an index is taken; the host's when absent. */
  readonly platform?: Platform | undefined;
  /** Private keys for layers that are encrypted: what is stored of them is plain. */
  readonly decryptionKeys?: readonly KeyObject[] | undefined;
  /** Take any certificate, and plain HTTP, this once. */
  readonly insecure?: boolean | undefined;
  readonly credentials?: (() => Promise<RegistryCredentials | undefined>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const longWaitMs = 2_000;
/** As many as Docker pulls concurrently. */
const layersAtOnce = 3;

/**
 * Pulls an image from its registry: manifest, config, then its layers, several concurrently, each downloaded, verified
 * and unpacked in one pass. After a failure or cancellation, downloaded data stays for the next pull of the same blob.
 * The image becomes visible only when it is complete. Failures: those of the registry, "corrupt" for content that does
 * not match its digest.
 */
export function pullImage(
  wanted: Reference,
  {
    registries,
    platform = hostPlatform(),
    credentials,
    insecure = false,
    signal: outer,
    ...targets
  }: PullOptions,
): AsyncGenerator<Progress, void, undefined> {
  const reference = withDefaultTag(wanted);
  const which = reference.digest ?? reference.tag ?? "latest";
  return reporting(
    async (report, signal) => {
      const name = formatFamiliar(repositoryOf(reference));
      const shown = reference.tag ?? which;
      const onRetry = (waitMs: number, why: string): void => {
        // A short one is not worth a line; without one, a refusal can still be an error reply.
        if (waitMs < longWaitMs) return;
        report({ kind: "status", text: `${why}; trying again in ${(waitMs / 1000).toFixed(1)} s` });
      };
      const access = {
        action: "pull" as const,
        insecure,
        signal,
        onRetry,
        credentials,
      };
      await registries.with(reference, access, async (repository) => {
        const found = await resolveImage(repository, which, platform);
        fault("pull.resolved");
        report({ kind: "status", text: `Pulling from ${reference.path}`, id: shown });
        const bring = artifactTypeOf(found.manifest.content) === undefined ? fetchImage : fetchArtifact;
        const { layers, config } = found.manifest.content;
        const blobs = new Map([...layers, config].map((blob) => [blob.digest, blob]));
        const transfer = new Transfer([...blobs.values()]);
        const image =
          (await findDecrypted(found, { ...targets, report })) ??
          (await findSameImage(found, { ...targets, report })) ??
          (await bring(found, {
            ...targets,
            repository,
            report,
            signal,
            transfer,
            layersAtOnce: registries.transferLimits.downloads ?? layersAtOnce,
          }));
        const before = await targets.sink.hasImage?.(image.id, reference);
        await targets.sink.addImage({
          ...image,
          // Docker names no image by a tag that was asked for together with a digest.
          references: reference.digest === undefined ? [reference] : [],
          digests: [`${name}@${found.digest}`],
        });
        report({ kind: "status", text: transfer.describe("Fetched") });
        report({ kind: "status", text: `Digest: ${found.digest}` });
        const status = before === true ? "Image is up to date for" : "Downloaded newer image for";
        report({ kind: "status", text: `Status: ${status} ${formatFamiliar(reference)}` });
        report({ kind: "image", id: image.id, reference: formatFamiliar(reference) });
      });
    },
    { signal: outer },
  );
}

interface FetchTargets {
  readonly store: ContentStore;
  readonly sink: LoadSink;
  readonly downloads: Downloads;
  readonly wantsBlobs?: boolean | undefined;
  readonly decryptionKeys?: readonly KeyObject[] | undefined;
  readonly repository: Repository;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly transfer: Transfer;
  readonly layersAtOnce: number;
}

/** All of an image but its names: blobs in the store, layers at the sink. */
async function fetchImage(
  { manifest, index }: ResolvedImage,
  targets: FetchTargets,
): Promise<Omit<LoadedImage, "references" | "digests">> {
  const { store, report, signal } = targets;
  const { config: configDescriptor } = manifest.content;
  const fetched = openLayers(manifest.content.layers, targets.decryptionKeys ?? []);
  const configBytes = await fetchSmall(configDescriptor, targets);
  fault("pull.configured");
  const config = parseImageConfig(configBytes);
  if (config.diffIds.length !== fetched.length) {
    throw new Failure(
      "invalid",
      `cannot use image ${configDescriptor.digest}: it has ${fetched.length} layers, its config names ${config.diffIds.length}`,
    );
  }
  const layers: LoadedLayer[] = fetched.map(({ source: { digest, mediaType, size } }, index) => ({
    diffId: required(config.diffIds[index]),
    digest,
    mediaType,
    size,
  }));
  const distinct = [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
  for (const { digest } of distinct)
    report({ kind: "layer", id: hexOf(digest).slice(0, 12), phase: "waiting" });
  const seals = new Map(
    fetched.flatMap(({ source, sealed }) => (sealed === undefined ? [] : [[source.digest, sealed]])),
  );
  const plain = new Map<Digest, Blob>();
  await forEachBounded(distinct, { limit: targets.layersAtOnce, signal }, async (layer, both) => {
    const sealed = seals.get(layer.digest);
    if (sealed !== undefined) {
      const onBytes = (bytes: number): void => targets.transfer.add(layer, bytes);
      const coming = downloadBlob(targets.repository, layer, { signal: both, onBytes });
      plain.set(layer.digest, await storeSealedLayer(layer, { ...targets, sealed, coming, signal: both }));
      return;
    }
    await targets.downloads.once(layer.digest, both, report, (shared) =>
      storeLayerBlob(layer, {
        ...targets,
        report: shared.report,
        signal: shared.signal,
        download: (draft) => fetchFrom(draft, layer, { ...targets, ...shared }),
      }).catch((thrown: unknown) => {
        throw explainForeign(layer, thrown);
      }),
    );
  });
  fault("pull.layers");
  // Documents come last: whatever they name is there.
  const stored = plain.size === 0 ? manifest : manifestIn(storedManifest(manifest.bytes, plain));
  await store.ingest([stored.bytes], { expected: { digest: stored.digest } });
  // An index does not lead to the manifest of what was decrypted.
  const hasIndex = index !== undefined && stored === manifest;
  if (hasIndex) await store.ingest([index.bytes], { expected: { digest: index.digest } });
  fault("pull.documents");
  return {
    id: configDescriptor.digest,
    config,
    manifest: { digest: stored.digest, content: stored.content },
    layers: layers.map((layer) => ({ ...layer, ...plain.get(layer.digest) })),
    decryptedFrom: stored === manifest ? undefined : manifest.digest,
    index: hasIndex ? index.digest : undefined,
  };
}

function manifestIn(bytes: Uint8Array): {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly content: ImageManifest;
} {
  const content = parseImageDocument(bytes);
  if (content.kind === "manifest") return { bytes, digest: digestOf(bytes), content };
  throw new Failure("internal", "cannot use an image: its manifest became an index");
}

/** Yields the bytes of an earlier attempt, then the rest from the registry. */
async function* fetchFrom(
  draft: PartialBlob,
  layer: LoadedLayer,
  {
    repository,
    report,
    signal,
    transfer,
  }: Pick<FetchTargets, "repository" | "report" | "signal" | "transfer">,
): AsyncGenerator<Uint8Array, void, undefined> {
  const id = hexOf(layer.digest).slice(0, 12);
  let currentBytes = draft.keptBytes;
  const progress = (): void => {
    report({ kind: "layer", id, phase: "downloading", currentBytes, totalBytes: layer.size });
  };
  yield* draft.replay();
  progress();
  const onRetry = (waitMs: number, why: string): void => {
    report({ kind: "layer", id, phase: "retrying", currentBytes: Math.ceil(waitMs / 1000) });
    report({ kind: "status", text: why, id });
  };
  const onBytes = (bytes: number): void => transfer.add(layer, bytes);
  const options = { offset: draft.keptBytes, signal, onRetry, onBytes };
  for await (const piece of downloadBlob(repository, layer, options)) {
    signal.throwIfAborted();
    currentBytes += piece.length;
    progress();
    yield piece;
  }
}

/** A config, which is in the store then; by many pulls at once, once. */
async function fetchSmall(
  descriptor: Descriptor,
  { store, repository, downloads, report, signal, transfer }: FetchTargets,
): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  if (size > maxManifestBytes) {
    throw new Failure("invalid", `cannot use ${digest}: a config of ${size} bytes is too long`);
  }
  if ((await store.find(digest)) === undefined) {
    await downloads.once(digest, signal, report, async (shared) => {
      if ((await store.find(digest)) !== undefined) return;
      await using draft = await store.draft({ expected: { digest, size } });
      const onBytes = (bytes: number): void => transfer.add(descriptor, bytes);
      const { signal: both } = shared;
      for await (const piece of downloadBlob(repository, descriptor, { signal: both, onBytes })) {
        await draft.write(piece);
      }
      await draft.commit();
    });
  }
  return await store.read(digest);
}
