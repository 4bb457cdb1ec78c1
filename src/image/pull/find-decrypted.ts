import { type Digest, hexOf } from "../../spec/digest.ts";
import { parseImageConfig } from "../../spec/image-config.ts";
import { parseImageDocument } from "../../spec/image-manifest.ts";
import { isEncrypted } from "../../spec/layer-encryption.ts";
import type { ContentStore } from "../content-store.ts";
import type { LoadedImage, LoadSink } from "../loaded-image.ts";
import type { ResolvedImage } from "../registry/resolve-image.ts";
import type { Report } from "../streams/reporting.ts";

/**
 * The image that was decrypted from this very manifest, where all of it is here still: nothing has to be fetched for it, and no key is
 * needed, as what is here is plain. Undefined for what is not encrypted.
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
    readonly wantsBlobs?: boolean;
    readonly report: Report;
  },
): Promise<Omit<LoadedImage, "references" | "digests"> | undefined> {
  const { config: configDescriptor, layers: sealed } = manifest.content;
  if (!sealed.some(({ mediaType }) => isEncrypted(mediaType))) return undefined;
  const id = configDescriptor.digest;
  const stored = await sink.findDecrypted?.(id, manifest.digest);
  if (stored === undefined) return undefined;
  for (const document of [id, stored.manifest]) {
    if ((await store.findStored(document)) === undefined) return undefined;
  }
  const config = parseImageConfig(await store.read(id));
  const content = parseImageDocument(await store.read(stored.manifest));
  if (content.kind !== "manifest" || content.layers.length !== config.diffIds.length) return undefined;
  for (const [index, { digest }] of content.layers.entries()) {
    const blob = wantsBlobs ? store.findStored(digest) : store.find(digest);
    if ((await blob) === undefined) return undefined;
    if (!(await sink.hasLayer(config.diffIds[index] as Digest))) return undefined;
  }
  for (const { digest } of sealed) report({ kind: "layer", id: hexOf(digest).slice(0, 12), phase: "exists" });
  return {
    id,
    config,
    manifest: { digest: stored.manifest, content },
    layers: content.layers.map(({ digest, mediaType, size }, index) => ({
      diffId: config.diffIds[index] as Digest,
      digest,
      mediaType,
      size,
    })),
    decryptedFrom: manifest.digest,
    ...(stored.index === undefined ? {} : { index: stored.index }),
  };
}
