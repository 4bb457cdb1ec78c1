import { hexOf } from "../../spec/digest.ts";
import type { SealedLayer } from "../../spec/image/layer-encryption.ts";
import type { Blob } from "../blobs/blob.ts";
import type { ContentStore } from "../content-store.ts";
import type { LoadedLayer, LoadSink } from "../loaded-image.ts";
import { decryptLayer } from "../streams/layer-cipher.ts";
import type { Report } from "../streams/reporting.ts";
import { LayerContent } from "../unpacking/layer-content.ts";

/**
 * Sees to it that the plain blob of an encrypted layer is in the store and its tree with the sink; returns what that
 * blob is. Decrypted into a draft on its way in, and unpacked from there: nothing has a name before the seal and both
 * digests are proven, and nothing stays of one that fails.
 */
export async function storeSealedLayer(
  layer: LoadedLayer,
  {
    sealed,
    store,
    sink,
    report,
    signal,
    coming,
  }: {
    readonly sealed: SealedLayer;
    readonly store: ContentStore;
    readonly sink: LoadSink;
    readonly report: Report;
    readonly signal: AbortSignal;
    /** The encrypted blob. */
    readonly coming: AsyncIterable<Uint8Array>;
  },
): Promise<Blob> {
  const id = hexOf(layer.digest).slice(0, 12);
  await using draft = await store.draft({ expected: { size: layer.size } });
  let currentBytes = 0;
  for await (const piece of decryptLayer(coming, { ...sealed, blob: layer.digest })) {
    signal.throwIfAborted();
    await draft.write(piece);
    currentBytes += piece.length;
    report({ kind: "layer", id, phase: "downloading", currentBytes, totalBytes: layer.size });
  }
  const blob = await draft.finish();
  const { staged } = draft;
  const source = { diffId: layer.diffId, blob, isProven: true, path: staged.path, open: () => staged.open() };
  const content = new LayerContent(source, { signal });
  if (!(await sink.hasLayer(layer.diffId))) await sink.ensureLayer(layer.diffId, content);
  // It was there, or another one has unpacked the same meanwhile.
  if (!content.isOpened) await content.prove();
  await draft.commit();
  report({ kind: "layer", id, phase: "done" });
  return blob;
}
