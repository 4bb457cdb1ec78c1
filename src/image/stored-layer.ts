import { Failure } from "../base/failure.ts";
import type { ContentStore } from "./content-store.ts";
import type { LoadedLayer } from "./loaded-image.ts";
import { LayerContent } from "./unpacking/layer-content.ts";

/**
 * The tar of a layer from its blob, to unpack it again or to save it. Throws "not-found" without the blob, and
 * "corrupt" at the end when it does not match `diffId`.
 */
export async function* openStoredLayer(
  store: ContentStore,
  { diffId, digest, size }: Pick<LoadedLayer, "diffId" | "digest" | "size">,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const content = new LayerContent(
    { diffId, blob: { digest, size }, isProven: false, open: () => store.open(digest) },
    { signal },
  );
  yield* content.open();
  if (content.blob !== digest) {
    throw new Failure("corrupt", `cannot read blob ${digest}: its content has changed on disk`);
  }
}
