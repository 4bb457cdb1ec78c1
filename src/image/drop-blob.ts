import { fault } from "../base/fault.ts";
import type { Fd } from "../linux/kernel/fd.ts";
import type { Digest } from "../spec/digest.ts";
import type { LayerCompression } from "../spec/image/layer-compression.ts";
import type { ContentStore } from "./content-store.ts";
import { compressedForms, compressors } from "./rebuild/blob-form.ts";
import type { MadeForm, ProveJob } from "./rebuild/prove-rebuild.ts";
import { findThread, takeThread } from "./threads/job-threads.ts";

export interface DropOptions {
  readonly store: ContentStore;
  /** The unpacked layer. */
  readonly root: Fd;
  /** A registry has it, so that it may go without a proof, or rest on the compressors of this program. */
  readonly isElsewhere: boolean;
  readonly mayRefetch: boolean;
  /** Compressed by this engine, as compressedForms records. */
  readonly compression?: LayerCompression | undefined;
  readonly signal: AbortSignal;
}

export type DropOutcome = "rebuildable" | "refetchable" | "kept";

/**
 * Drops the blob of a layer if its policy allows that: the layer's files must recreate it bit for bit at this moment. A
 * blob that depends on a compressor, which a later version may replace, is dropped only if a registry has it, too.
 * Returns the result; the blob stays until its record is safe.
 */
export async function dropBlob(
  { digest, diffId }: { readonly digest: Digest; readonly diffId: Digest },
  options: DropOptions,
): Promise<DropOutcome> {
  const { store, isElsewhere, mayRefetch, root, compression, signal } = options;
  const blob = await store.findStored(digest);
  if (blob === undefined) return "kept";
  const made = await prove(
    {
      ...blob,
      path: store.pathOf(digest),
      root,
      form: compression === undefined ? undefined : compressedForms[compression],
    },
    signal,
  );
  if (made !== undefined && (made.form.kind === "plain" || isElsewhere)) {
    const { form, recipe } = made;
    await store.absent.put(
      { ...blob, diffId, form, compressors: form.kind === "plain" ? undefined : compressors },
      recipe,
    );
  } else if (isElsewhere && mayRefetch) {
    await store.absent.put({ ...blob, diffId });
  } else {
    return "kept";
  }
  await store.removeStored(digest);
  fault("blob.dropped");
  return store.absent.find(digest)?.form === undefined ? "refetchable" : "rebuildable";
}

async function prove(job: ProveJob, signal: AbortSignal): Promise<MadeForm | undefined> {
  using thread = findThread() ?? (await takeThread(signal));
  return await thread.run("prove", job, { signal });
}
