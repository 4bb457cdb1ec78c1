import { Failure, kindOf } from "../../base/failure.ts";
import { hexOf } from "../../spec/digest.ts";
import type { PartialBlob } from "../blobs/partial-blob.ts";
import type { ContentStore } from "../content-store.ts";
import type { LoadedLayer, LoadSink } from "../loaded-image.ts";
import type { Report } from "../streams/reporting.ts";
import { isUseless, LayerContent } from "../unpacking/layer-content.ts";

export interface LayerTargets {
  readonly store: ContentStore;
  readonly sink: LoadSink;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Those that were dropped, too. */
  readonly wantsBlobs?: boolean | undefined;
  /** The blob's bytes from the start: the bytes of the draft, then the rest, which the reader adds to the draft. */
  readonly download: (draft: PartialBlob) => AsyncIterable<Uint8Array>;
}

/**
 * Sees to it that the blob of a layer is in the store and its tree with the sink: downloads, hashes, inflates, hashes
 * and unpacks in one pass, without a copy between. Neither is seen before both digests are proven.
 */
export async function storeLayerBlob(layer: LoadedLayer, targets: LayerTargets): Promise<void> {
  const { store, sink, report } = targets;
  const id = hexOf(layer.digest).slice(0, 12);
  const isUnpacked = await sink.hasLayer(layer.diffId);
  // A blob that was dropped is as good as stored where that is the policy.
  const { digest } = layer;
  const found = targets.wantsBlobs === true ? store.findStored(digest) : store.find(digest);
  const isStored = (await found) !== undefined;
  if (isUnpacked && isStored) {
    report({ kind: "layer", id, phase: "exists" });
    return;
  }
  if (isStored) {
    const { diffId } = layer;
    const blob = { digest, size: layer.size };
    const content = new LayerContent(
      { diffId, blob, isProven: false, open: () => store.open(digest) },
      { signal: targets.signal },
    );
    await unpack(layer, sink, content);
    if (content.blob !== digest) {
      throw new Failure("corrupt", `cannot read blob ${digest}: its content has changed on disk`);
    }
  } else {
    await fetchAndUnpack(layer, targets, { isUnpacked, again: true });
  }
  report({ kind: "layer", id, phase: "done" });
}

async function fetchAndUnpack(
  layer: LoadedLayer,
  targets: LayerTargets,
  { isUnpacked, again }: { readonly isUnpacked: boolean; readonly again: boolean },
): Promise<void> {
  const { store, sink, signal, download } = targets;
  let hadPart = false;
  try {
    await using draft = await store.resume(layer);
    hadPart = draft.keptBytes > 0;
    const content = new LayerContent(
      {
        diffId: layer.diffId,
        blob: layer,
        isProven: false,
        store: { fd: draft.fd, from: draft.keptBytes },
        open: () => download(draft),
      },
      // While the tree is brought to the disk, too.
      { signal, onProven: () => draft.beginSync() },
    );
    try {
      if (isUnpacked) await content.prove();
      else await unpack(layer, sink, content);
    } catch (thrown) {
      // The content is wrong, not its transport.
      if (isUseless(content, thrown)) draft.discard();
      throw thrown;
    }
    await draft.commit(content.blob);
  } catch (thrown) {
    // A power failure may have cut the end of an earlier attempt's bytes.
    if (!hadPart || !again || kindOf(thrown) !== "corrupt") throw thrown;
    await store.forget(layer.digest);
    await fetchAndUnpack(layer, targets, { isUnpacked, again: false });
  }
}

/** The tree, by way of the sink, which keeps it only when the digest of the tar is right. */
async function unpack(layer: LoadedLayer, sink: LoadSink, content: LayerContent): Promise<void> {
  await sink.ensureLayer(layer.diffId, content);
  // Another one has unpacked the same meanwhile.
  if (!content.isOpened) await content.prove();
}
