import { kindOf } from "../../base/failure.ts";
import type { ContentStore } from "../../image/content-store.ts";
import type { ImageManifest } from "../../model/images.ts";
import { parseImageDocument } from "../../spec/image/manifest.ts";
import type { ImageRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import { imagesOf } from "./images-in-use.ts";

/** Of the image: an image here has one. Undefined when its manifest was removed meanwhile. */
export async function describeImageManifest(
  record: ImageRecord,
  { state, content }: { readonly state: State; readonly content: ContentStore },
): Promise<ImageManifest | undefined> {
  const [, digest] = record.blobs;
  if (digest === undefined) return undefined;
  const bytes = await content.read(digest).catch((thrown: unknown) => {
    if (kindOf(thrown) !== "not-found") throw thrown;
    return undefined;
  });
  if (bytes === undefined) return undefined;
  let isAvailable = true;
  let contentBytes = 0;
  for (const blob of new Set(record.blobs)) {
    const stored = await content.findStored(blob);
    if (stored === undefined) isAvailable = isAvailable && (await content.find(blob)) !== undefined;
    else contentBytes += stored.size;
  }
  return Object.freeze({
    digest,
    mediaType: parseImageDocument(bytes).mediaType,
    sizeBytes: bytes.length,
    platform: record.artifact === undefined ? record.config.platform : undefined,
    isAvailable,
    contentBytes,
    containers: state
      .containers()
      .filter((container) => imagesOf(container).includes(record.id))
      .map(({ id }) => id),
  });
}
