import { Failure, sentenceOf } from "../base/failure.ts";
import type { Blob } from "./blobs/blob.ts";
import type { ContentStore } from "./content-store.ts";
import type { Registries } from "./registries.ts";
import { downloadBlob } from "./registry/download.ts";
import { BlobTaker } from "./unpacking/blob-taker.ts";
import { findReference } from "../spec/reference.ts";

/**
 * Fetches a dropped blob from one of the repositories that it came from, unless it exists. Throws "unavailable" with
 * the answer of each of them.
 */
export async function refetchBlob(
  blob: Blob,
  {
    sources,
    store,
    registries,
    signal,
  }: {
    readonly sources: readonly string[];
    readonly store: ContentStore;
    readonly registries: Registries;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  if ((await store.findStored(blob.digest)) !== undefined) return;
  const refusals: string[] = [];
  for (const source of sources) {
    const reference = findReference(source);
    if (reference === undefined) continue;
    try {
      await registries.with(reference, { action: "pull", signal }, async (repository) => {
        await using draft = await store.resume(blob);
        const offset = draft.keptBytes;
        const kept = { fd: draft.fd, from: offset };
        const taker = new BlobTaker({ blob: blob.digest, isProven: false, store: kept });
        for await (const piece of draft.replay()) taker.take(piece);
        for await (const piece of downloadBlob(repository, blob, { offset, signal })) {
          signal.throwIfAborted();
          taker.take(piece);
        }
        await draft.commit(taker.finish());
      });
      return;
    } catch (thrown) {
      signal.throwIfAborted();
      refusals.push(`${source}: ${sentenceOf(thrown)}`);
    }
  }
  throw new Failure(
    "unavailable",
    `cannot fetch blob ${blob.digest} again, which was dropped by --blob-policy refetch: ${refusals.join("; ") || "no image here says where it came from"}; start the daemon with --blob-policy keep and pull the image`,
  );
}
