import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type StageJob, stageBlob } from "./blobs/stage-blob.ts";
import type { StagedBlob } from "./blobs/staged-blob.ts";
import type { ContentStore } from "./content-store.ts";
import { readSmall } from "./streams/read-small.ts";
import { findThread } from "./threads/job-threads.ts";

/** A smaller one is kept before a thread has started. */
const smallBytes = 1024 * 1024;

/**
 * Stages a blob that has no name in the store yet: hashes, decompresses and writes it, in a worker thread when the size
 * justifies one and one is free. The caller disposes of it; nothing stays when it throws. Ownership of each piece
 * passes to the callee.
 */
export async function stageInWorker(
  source: AsyncIterable<Uint8Array>,
  {
    store,
    signal,
    ...options
  }: Omit<StageJob, "path"> & { readonly store: ContentStore; readonly signal: AbortSignal },
): Promise<StagedBlob> {
  const path = join(store.ingestDirectory, randomBytes(16).toString("hex"));
  const job = { path, ...options };
  const { isWhole, all } = await readSmall(source, smallBytes);
  using thread = isWhole ? undefined : findThread();
  const blob =
    thread === undefined
      ? await stageBlob(job, all, signal)
      : await thread.run("stage", job, { input: all, signal });
  return store.stage(path, blob);
}
