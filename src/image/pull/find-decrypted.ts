import { hexOf } from "../../spec/digest.ts";
import { isEncrypted } from "../../spec/image/layer-encryption.ts";
import type { ContentStore } from "../content-store.ts";
import type { LoadedImage, LoadSink } from "../loaded-image.ts";
import type { ResolvedImage } from "../registry/resolve-image.ts";
import type { Report } from "../streams/reporting.ts";
import { readStoredImage } from "./stored-image.ts";

/**
 * The image that was decrypted from this very manifest, where all of it is here still: nothing has to be fetched for
 * it, and no key is needed, as what is here is plain. Undefined for what is not encrypted.
 */
export async function findDecrypted(
  { manifest }: ResolvedImage,
  {
    store,
    sink,
    wantsBlobs = false,
    report,
  }: {
    readonly store: ContentStore;
    readonly sink: LoadSink;
    readonly wantsBlobs?: boolean | undefined;
    readonly report: Report;
  },
): Promise<Omit<LoadedImage, "references" | "digests"> | undefined> {
  const { config: configDescriptor, layers: sealed } = manifest.content;
  if (!sealed.some(({ mediaType }) => isEncrypted(mediaType))) return undefined;
  const id = configDescriptor.digest;
  const stored = await sink.findDecrypted?.(id, manifest.digest);
  if (stored === undefined) return undefined;
  const image = await readStoredImage(id, stored, { store, sink, wantsBlobs });
  if (image === undefined) return undefined;
  for (const { digest } of sealed) report({ kind: "layer", id: hexOf(digest).slice(0, 12), phase: "exists" });
  return { ...image, decryptedFrom: manifest.digest };
}
