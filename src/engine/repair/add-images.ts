import { required } from "../../base/required.ts";
import type { ContentStore } from "../../image/content-store.ts";
import { type Digest, hexOf } from "../../spec/digest.ts";
import { parseImageConfig } from "../../spec/image/config.ts";
import { maxManifestBytes, parseImageDocument } from "../../spec/image/manifest.ts";
import type { ImageRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import { listLayerHexes } from "./stored-objects.ts";

/** Records the images that the content store has whole and that have no record. Their names are lost. */
export async function addImages(
  state: State,
  { dataRoot, content }: { readonly dataRoot: string; readonly content: ContentStore },
): Promise<readonly string[]> {
  const blobs = await content.list();
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
  const layers = listLayerHexes(dataRoot);
  const added: string[] = [];
  for (const { digest, size } of blobs) {
    if (size > maxManifestBytes) continue;
    const record = await findImage(digest, content).catch(() => undefined);
    if (record === undefined || state.findImage(record.id) !== undefined) continue;
    const isWhole = record.config.diffIds.every(
      (diffId, index) => layers.has(hexOf(diffId)) || sizes.has(required(record.blobs[2 + index])),
    );
    if (!isWhole) continue;
    state.putImages([record], []);
    added.push(`image ${record.id}: its names are lost; name it with: tare tag`);
  }
  return added;
}

/** Throws when the blob is no manifest of an image that can be run. */
async function findImage(digest: Digest, content: ContentStore): Promise<ImageRecord | undefined> {
  const manifest = parseImageDocument(await content.read(digest));
  if (manifest.kind !== "manifest" || manifest.artifactType !== undefined) return undefined;
  const config = parseImageConfig(await content.read(manifest.config.digest));
  if (config.diffIds.length !== manifest.layers.length) return undefined;
  return {
    id: manifest.config.digest,
    config,
    storedAt: Date.now(),
    // Of the blobs: what the unpacked layers take is not known without reading them.
    layerBytes: manifest.layers.map((layer) => layer.size),
    blobs: [manifest.config.digest, digest, ...manifest.layers.map((layer) => layer.digest)],
    digests: [],
  };
}
