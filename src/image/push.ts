import { required } from "../base/required.ts";
import { Failure } from "../base/failure.ts";
import type { Progress } from "../base/progress.ts";
import { type Digest, digestOf, hexOf } from "../spec/digest.ts";
import { type Descriptor, type ImageManifest, parseImageDocument } from "../spec/image/manifest.ts";
import type { LayerCompression } from "../spec/image/layer-compression.ts";
import { formatFamiliar, type Reference, repositoryOf, withDefaultTag } from "../spec/reference.ts";
import type { RegistryCredentials } from "../spec/registry/registry-credentials.ts";
import type { ContentStore } from "./content-store.ts";
import { compressLayers } from "./push/compress-layers.ts";
import { encryptLayers, type LayerEncryption, type SealedBlob } from "./push/encrypt-layers.ts";
import type { Registries } from "./registries.ts";
import { putManifest } from "./registry/manifests.ts";
import type { Repository } from "./registry/repository.ts";
import { uploadBlob } from "./registry/upload.ts";
import { forEachBounded } from "./streams/bounded.ts";
import { Transfer } from "./transfer.ts";
import { type Report, reporting } from "./streams/reporting.ts";

export interface PushOptions {
  readonly registries: Registries;
  readonly store: ContentStore;
  /** Of the image's manifest, which is in the store with all that it names. */
  readonly manifest: Digest;
  /** Of the image's layers. */
  readonly diffIds: readonly Digest[];
  /** Of layers whose blobs are plain tars; gzip when absent. */
  readonly compression?: LayerCompression | undefined;
  /** Blobs of the same layer that other images have. */
  readonly otherBlobs?: ((diffId: Digest) => readonly Digest[]) | undefined;
  /** Layers are encrypted on their way out. */
  readonly encryption?: LayerEncryption | undefined;
  /** Repositories of the same registry that are likely to have a blob. */
  readonly mountFrom?: ((digest: Digest) => readonly string[]) | undefined;
  /** Take any certificate, and plain HTTP, this once. */
  readonly insecure?: boolean | undefined;
  readonly credentials?: (() => Promise<RegistryCredentials | undefined>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const longWaitMs = 2_000;
/** As many as Docker pushes concurrently. */
const blobsAtOnce = 5;

/**
 * Pushes an image to its registry under its tag: first missing blobs, mounted from other repositories of the registry
 * if possible, then the manifest. The manifest stays bit for bit as it came or was made here, unless layers had to be
 * compressed or encrypted. Reports at the end how much it sent. Failures: those of the registry; "not-found" for a blob
 * that is no longer in the store.
 */
export function pushImage(
  wanted: Reference,
  {
    registries,
    store,
    manifest,
    diffIds,
    compression = "gzip",
    otherBlobs = () => [],
    encryption,
    mountFrom,
    credentials,
    insecure = false,
    signal: outer,
  }: PushOptions,
): AsyncGenerator<Progress, void, undefined> {
  const reference = withDefaultTag(wanted);
  const tag = reference.tag ?? "latest";
  return reporting(
    async (report, signal) => {
      const known = await readManifest(store, manifest);
      report({ kind: "status", text: `The push refers to repository [${formatName(reference)}]` });
      for (const layer of known.content.layers) report(layerProgress(layer, "waiting"));
      const plain = await compressLayers(known, {
        store,
        compression,
        diffIds,
        otherBlobs,
        onBytes: (layer, currentBytes) =>
          report({ ...layerProgress(layer, "compressing"), currentBytes, totalBytes: layer.size }),
        signal,
      });
      const sealed =
        encryption === undefined ? undefined : await encryptLayers(plain, encryption, { store, signal });
      const { config } = plain.content;
      const sent = sealed ?? {
        bytes: plain.bytes,
        digest: digestOf(plain.bytes),
        mediaType: plain.content.mediaType,
        layers: plain.content.layers,
      };
      // As a layer was called when it was first shown.
      const shown = new Map(
        sent.layers.map(({ digest }, index) => [digest, required(known.content.layers[index])]),
      );
      const onRetry = (waitMs: number, why: string): void => {
        // A short one is not worth a line; without one, a refusal can still be an error reply.
        if (waitMs < longWaitMs) return;
        report({ kind: "status", text: `${why}; trying again in ${(waitMs / 1000).toFixed(1)} s` });
      };
      const access = {
        action: "push" as const,
        signal,
        onRetry,
        insecure,
        credentials,
      };
      await registries.with(reference, access, async (repository) => {
        const blobs = [...new Map([...sent.layers, config].map((blob) => [blob.digest, blob])).values()];
        const transfer = new Transfer(blobs);
        await forEachBounded(
          blobs,
          { limit: registries.transferLimits.uploads ?? blobsAtOnce, signal },
          async (blob, both) => {
            const layer = shown.get(blob.digest);
            const bytesOut = await pushBlob(layer ?? blob, {
              source: sealed?.blobs.get(blob.digest) ?? (await storedBlob(store, blob)),
              repository,
              signal: both,
              report: layer === undefined ? () => undefined : report,
              mountFrom: mountFrom?.(blob.digest) ?? [],
            });
            transfer.add(blob, bytesOut);
          },
        );
        await putManifest(repository, tag, sent);
        report({ kind: "status", text: transfer.describe("Sent") });
        report({ kind: "status", text: `${tag}: digest: ${sent.digest} size: ${sent.bytes.length}` });
        report({ kind: "image", id: sent.digest, reference: formatFamiliar(reference) });
      });
    },
    { signal: outer },
  );
}

async function readManifest(
  store: ContentStore,
  digest: Digest,
): Promise<{ readonly bytes: Uint8Array; readonly content: ImageManifest }> {
  const bytes = await store.read(digest);
  const content = parseImageDocument(bytes);
  if (content.kind === "manifest") return { bytes, content };
  throw new Failure("internal", "cannot push an image: its manifest is an index");
}

async function storedBlob(store: ContentStore, { digest }: Descriptor): Promise<SealedBlob> {
  const found = await store.find(digest);
  if (found === undefined) {
    throw new Failure(
      "not-found",
      `cannot push ${digest}: its blob is not in the store any more; pull or load the image again`,
    );
  }
  return { digest, size: found.size, open: (from) => store.open(digest, { from }) };
}

/** The bytes that went out for it. `shown` is the layer as it is reported. */
async function pushBlob(
  shown: Descriptor,
  {
    source,
    repository,
    signal,
    report,
    mountFrom,
  }: {
    readonly source: SealedBlob;
    readonly repository: Repository;
    readonly signal: AbortSignal;
    readonly report: Report;
    readonly mountFrom: readonly string[];
  },
): Promise<number> {
  const outcome = await uploadBlob(repository, source, {
    mountFrom,
    signal,
    onBytes: (currentBytes) =>
      report({ ...layerProgress(shown, "uploading"), currentBytes, totalBytes: source.size }),
    onRetry: (waitMs, why) => {
      report({ ...layerProgress(shown, "retrying"), currentBytes: Math.ceil(waitMs / 1000) });
      report({ kind: "status", text: why });
    },
  });
  if (outcome.kind === "mounted") {
    report({ kind: "status", text: `Mounted from ${outcome.from}`, id: shortId(shown) });
  } else {
    report(layerProgress(shown, outcome.kind === "exists" ? "exists" : "uploaded"));
  }
  return outcome.kind === "uploaded" ? outcome.bytes : 0;
}

function layerProgress(
  blob: Descriptor,
  phase: "waiting" | "compressing" | "uploading" | "uploaded" | "exists" | "retrying",
): Extract<Progress, { kind: "layer" }> {
  return { kind: "layer", id: shortId(blob), phase };
}

function shortId({ digest }: Descriptor): string {
  return hexOf(digest).slice(0, 12);
}

function formatName(reference: Reference): string {
  const { domain, path } = repositoryOf(reference);
  return `${domain}/${path}`;
}
