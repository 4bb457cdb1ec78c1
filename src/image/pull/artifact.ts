import { hexOf } from "../../spec/digest.ts";
import { artifactConfig, artifactTypeOf } from "../../spec/image/artifact.ts";
import type { Descriptor } from "../../spec/image/manifest.ts";
import type { ContentStore } from "../content-store.ts";
import type { Downloads } from "../downloads.ts";
import type { LoadedImage } from "../loaded-image.ts";
import { downloadBlob } from "../registry/download.ts";
import type { Repository } from "../registry/repository.ts";
import type { ResolvedImage } from "../registry/resolve-image.ts";
import { forEachBounded } from "../streams/bounded.ts";
import type { Report } from "../streams/reporting.ts";
import type { Transfer } from "../transfer.ts";
import { BlobTaker } from "../unpacking/blob-taker.ts";

export interface ArtifactTargets {
  readonly store: ContentStore;
  readonly downloads: Downloads;
  readonly repository: Repository;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly transfer: Transfer;
}

const blobsAtOnce = 3;

/** All of an artifact but its names, stored and not looked into. */
export async function fetchArtifact(
  { manifest, index }: ResolvedImage,
  targets: ArtifactTargets,
): Promise<Omit<LoadedImage, "references" | "digests">> {
  const { store, report, signal } = targets;
  const { content } = manifest;
  const blobs = [...new Map([...content.layers, content.config].map((blob) => [blob.digest, blob])).values()];
  for (const { digest } of blobs) report({ kind: "layer", id: shortId(digest), phase: "waiting" });
  await forEachBounded(blobs, { limit: blobsAtOnce, signal }, async (blob, both) => {
    await targets.downloads.once(blob.digest, both, report, (shared) =>
      fetchBlob(blob, { ...targets, report: shared.report, signal: shared.signal }),
    );
  });
  await store.ingest([manifest.bytes], { expected: { digest: manifest.digest } });
  if (index !== undefined) await store.ingest([index.bytes], { expected: { digest: index.digest } });
  return {
    id: manifest.digest,
    config: artifactConfig(content),
    manifest: { digest: manifest.digest, content },
    layers: [],
    artifactType: artifactTypeOf(content) ?? "",
    index: index?.digest,
  };
}

async function fetchBlob(
  { digest, size }: Descriptor,
  { store, repository, report, signal, transfer }: ArtifactTargets,
): Promise<void> {
  const id = shortId(digest);
  if ((await store.find(digest)) !== undefined) return report({ kind: "layer", id, phase: "exists" });
  await using draft = await store.resume({ digest, size });
  const offset = draft.keptBytes;
  const taker = new BlobTaker({ blob: digest, isProven: false, store: { fd: draft.fd, from: offset } });
  for await (const piece of draft.replay()) taker.take(piece);
  let currentBytes = offset;
  const onBytes = (bytes: number): void => transfer.add({ digest }, bytes);
  for await (const piece of downloadBlob(repository, { digest, size }, { offset, signal, onBytes })) {
    signal.throwIfAborted();
    taker.take(piece);
    currentBytes += piece.length;
    report({ kind: "layer", id, phase: "downloading", currentBytes, totalBytes: size });
  }
  await draft.commit(taker.finish());
  report({ kind: "layer", id, phase: "done" });
}

function shortId(digest: Descriptor["digest"]): string {
  return hexOf(digest).slice(0, 12);
}
