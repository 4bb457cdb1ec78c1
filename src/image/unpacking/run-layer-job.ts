import { Failure } from "../../base/failure.ts";
import { unpackLayer } from "../../linux/tree/tree.ts";
import { algorithmOf, type Digest, Digester } from "../../spec/digest.ts";
import { decompress } from "../streams/compression.ts";
import { BlobTaker } from "./blob-taker.ts";
import type { LayerJob, LayerProof } from "./layer-job.ts";

/** Does the job on this thread. Throws "corrupt" when the tar is not what it has to be. */
export async function runLayerJob(
  job: LayerJob,
  {
    taker,
    blob,
    signal,
  }: { readonly taker: BlobTaker; readonly blob: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
): Promise<LayerProof> {
  const tar = provenTar(job, { taker, blob, signal });
  if (job.into === undefined) {
    for await (const _ of tar);
    return { blob: taker.finish() };
  }
  const unpacked = await unpackLayer(tar, job.into, { ...job.options, signal });
  return { blob: taker.finish(), unpacked };
}

/** The pieces, after the taker has had them. */
export async function* taken(
  blob: AsyncIterable<Uint8Array>,
  taker: BlobTaker,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of blob) {
    taker.take(piece);
    yield piece;
  }
}

/** The tar of the blob; its digest is compared at the end. */
export async function* provenTar(
  { diffId, blob: blobDigest }: Pick<LayerJob, "diffId" | "blob">,
  {
    taker,
    blob,
    signal,
  }: { readonly taker: BlobTaker; readonly blob: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  const algorithm = algorithmOf(diffId);
  let digester: Digester | undefined = new Digester(algorithm);
  const onCompression = (compression: string): void => {
    // The blob is the tar, and hashed already.
    if (compression === "plain" && algorithmOf(blobDigest) === algorithm) digester = undefined;
  };
  for await (const piece of decompress(blob, { onCompression })) {
    signal.throwIfAborted();
    digester?.update(piece);
    yield piece;
  }
  refuseOther(diffId, digester === undefined ? taker.finish() : digester.finish());
}

function refuseOther(diffId: Digest, found: Digest): void {
  if (found !== diffId) {
    throw new Failure("corrupt", `cannot unpack layer ${diffId}: its content has digest ${found}`);
  }
}
