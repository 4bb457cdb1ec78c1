import { LayerContent } from "./archive/layer-content.ts";
import type { ContentStore } from "./content-store.ts";
import type { LoadedLayer } from "./loaded-image.ts";
import { compressionOf } from "./streams/compression.ts";

/**
 * The tar of a layer out of its blob, for unpacking it anew or saving it. Throws "not-found" without the blob, and
 * "corrupt" at the end when it is not what `diffId` says.
 */
export async function* openStoredLayer(
  store: ContentStore,
  { diffId, digest, size }: Pick<LoadedLayer, "diffId" | "digest" | "size">,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const open = (): AsyncIterable<Uint8Array> => store.open(digest, { verify: true });
  const compression = await compressionOf(store.open(digest));
  const layer = { diffId, compression, file: { blob: { digest, size }, open } };
  yield* new LayerContent(layer, { signal, onBytes: () => undefined }).open();
}
