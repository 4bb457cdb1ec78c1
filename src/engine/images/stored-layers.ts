import type { ContentStore } from "../../image/content-store.ts";
import { openStoredLayer } from "../../image/stored-layer.ts";
import { Failure, within } from "../../base/failure.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { Digest } from "../../spec/digest.ts";
import { parseImageDocument } from "../../spec/image/manifest.ts";
import type { StorageDriver } from "../../storage/driver.ts";
import type { ImageRecord } from "../state/records.ts";

interface LayerBlob {
  readonly diffId: Digest;
  readonly digest: Digest;
  readonly size: number;
}

/**
 * Layers that storage does not have though an image is recorded, as after a change of the storage driver: they come out
 * of their blobs again.
 */
export class StoredLayers {
  readonly #storage: StorageDriver;
  readonly #content: ContentStore;
  readonly #unpacking = new KeyedLock();

  constructor({ storage, content }: { readonly storage: StorageDriver; readonly content: ContentStore }) {
    this.#storage = storage;
    this.#content = content;
  }

  /**
   * Idempotent. Throws "not-found" when a blob that is needed has gone. The caller keeps garbage from being collected.
   */
  async ensure(record: ImageRecord): Promise<void> {
    if (record.config.diffIds.every((diffId) => this.#storage.hasLayer(diffId))) return;
    const blobs = await findLayerBlobs(record, this.#content);
    await Promise.all(blobs.map(async (blob) => await this.#ensure(blob)));
  }

  async #ensure(blob: LayerBlob): Promise<void> {
    using _ = await this.#unpacking.acquire(blob.diffId);
    if (this.#storage.hasLayer(blob.diffId)) return;
    try {
      await using draft = await this.#storage.beginLayer();
      await draft.apply(openStoredLayer(this.#content, blob), { names: "docker" });
      await draft.commit(blob.diffId);
    } catch (thrown) {
      throw within("cannot unpack a layer of the image again, which another storage driver had", thrown);
    }
  }
}

/** The blob of each of the image's layers; those that have gone are named by a failure of kind "not-found". */
export async function findLayerBlobs(
  record: ImageRecord,
  content: ContentStore,
): Promise<readonly LayerBlob[]> {
  const manifest = record.blobs[1];
  const document = manifest === undefined ? undefined : parseImageDocument(await content.read(manifest));
  if (document?.kind !== "manifest") throw new Failure("internal", "the image has no manifest");
  const blobs: LayerBlob[] = [];
  for (const [index, diffId] of record.config.diffIds.entries()) {
    const layer = document.layers[index];
    if (layer === undefined || (await content.find(layer.digest)) === undefined) {
      throw new Failure(
        "not-found",
        `cannot find the blob of layer ${diffId}: pull or load the image again, or start with the storage driver that has it`,
      );
    }
    blobs.push({ diffId, digest: layer.digest, size: layer.size });
  }
  return blobs;
}
