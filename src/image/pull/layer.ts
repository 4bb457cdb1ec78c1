import { Failure, kindOf } from "../../base/failure.ts";
import { algorithmOf, Digester, hexOf } from "../../spec/digest.ts";
import type { BlobDraft } from "../blobs/blob-draft.ts";
import type { ContentStore } from "../content-store.ts";
import type { LoadedLayer, LoadSink } from "../loaded-image.ts";
import { decompress } from "../streams/compression.ts";
import type { Report } from "../streams/reporting.ts";

export interface LayerTargets {
  readonly store: ContentStore;
  readonly sink: LoadSink;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Those that were dropped, too. */
  readonly wantsBlobs?: boolean;
  /** The blob's bytes from its beginning; all that is not in the draft yet has been added to it when the next piece is asked for. */
  readonly download: (draft: BlobDraft) => AsyncIterable<Uint8Array>;
}

/**
 * Sees to it that the blob of a layer is in the store and its tree with the sink: downloads, hashes, inflates, hashes and unpacks in
 * one pass, without a copy between. Neither is seen before both digests are proven.
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
    await unpack(layer, targets, store.open(layer.digest, { verify: true }));
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
  const { store, download } = targets;
  let hadPart = false;
  try {
    await using draft = await store.resume(layer);
    hadPart = await draft.hasPart();
    const source = new Watched(download(draft));
    try {
      if (isUnpacked) await prove(layer, source.pieces(), targets.signal);
      else await unpack(layer, targets, source.pieces());
    } catch (thrown) {
      // What came, not how it came.
      if (!source.hasFailed && kindOf(thrown) === "corrupt") draft.discard();
      throw thrown;
    }
    await draft.commit();
  } catch (thrown) {
    // What an earlier attempt left may have lost its last bytes with the power.
    if (!hadPart || !again || kindOf(thrown) !== "corrupt") throw thrown;
    await store.forget(layer.digest);
    await fetchAndUnpack(layer, targets, { isUnpacked, again: false });
  }
}

/** Tells a source that broke from one whose bytes nobody could use. */
class Watched {
  readonly #source: AsyncIterable<Uint8Array>;
  hasFailed = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const iterator = this.#source[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await iterator.next().catch((thrown: unknown) => {
          this.hasFailed = true;
          throw thrown;
        });
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
}

/** The tree, by way of the sink, which keeps it only when the digest of the tar is right. */
async function unpack(
  layer: LoadedLayer,
  { sink, signal }: LayerTargets,
  blob: AsyncIterable<Uint8Array>,
): Promise<void> {
  let opened = false;
  await sink.ensureLayer(layer.diffId, () => {
    opened = true;
    return proven(layer, blob, signal);
  });
  // Another one has unpacked the same meanwhile.
  if (!opened) await prove(layer, blob, signal);
}

async function prove(
  layer: LoadedLayer,
  blob: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  for await (const _ of proven(layer, blob, signal));
}

async function* proven(
  layer: LoadedLayer,
  blob: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digester = new Digester(algorithmOf(layer.diffId));
  for await (const piece of decompress(blob)) {
    signal.throwIfAborted();
    digester.update(piece);
    yield piece;
  }
  const found = digester.finish();
  if (found !== layer.diffId) {
    throw new Failure("corrupt", `cannot unpack layer ${layer.diffId}: its content has digest ${found}`);
  }
}
