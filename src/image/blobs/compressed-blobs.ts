import { randomBytes } from "node:crypto";
import { open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fault } from "../../base/fault.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { algorithmOf, type Digest, findDigest, hexOf } from "../../spec/digest.ts";
import { type LayerCompression, layerCompressions } from "../../spec/image/layer-compression.ts";
import { syncPath } from "./name-blob.ts";

/** A blob that was compressed here. */
export interface CompressedBlob {
  /** Of the tar. */
  readonly diffId: Digest;
  readonly compression: LayerCompression;
  /** Of the compressed blob. */
  readonly digest: Digest;
}

/**
 * Which blobs were compressed of which layers: one small file each, `<algorithm>-<hex>.<compression>`, with the
 * compressed blob's digest. The record is written before the blob is named, so no crash leaves a compressed blob
 * without one. Kept in memory: only this process changes them.
 */
export class CompressedBlobs {
  /** Held by diffID and compression while a layer is compressed. */
  readonly lock: KeyedLock = new KeyedLock();
  readonly #directory: string;
  readonly #known = new Map<string, CompressedBlob>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Of a directory that exists. Removes records that cannot be read and those of blobs that do not exist. */
  static async open(
    directory: string,
    { exists }: { readonly exists: (digest: Digest) => Promise<boolean> },
  ): Promise<CompressedBlobs> {
    const blobs = new CompressedBlobs(directory);
    for (const name of await readdir(directory)) {
      const record = await readRecord(directory, name);
      if (record !== undefined && (await exists(record.digest))) blobs.#known.set(name, record);
      else await rm(join(directory, name), { force: true });
    }
    return blobs;
  }

  find(diffId: Digest, compression: LayerCompression): CompressedBlob | undefined {
    return this.#known.get(nameOf(diffId, compression));
  }

  list(): readonly CompressedBlob[] {
    return [...this.#known.values()];
  }

  /** Safe from power loss when it returns; replaces what is recorded of the layer. */
  async put(record: CompressedBlob): Promise<void> {
    const name = nameOf(record.diffId, record.compression);
    const draft = join(this.#directory, `.${randomBytes(12).toString("hex")}`);
    try {
      const file = await open(draft, "wx", 0o600);
      try {
        await file.writeFile(`${record.digest}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, join(this.#directory, name));
      await syncPath(this.#directory);
    } catch (thrown) {
      await rm(draft, { force: true });
      throw fileFailure(`cannot record the compressed blob of layer ${record.diffId}`, thrown);
    }
    this.#known.set(name, Object.freeze(record));
    fault("compressed.recorded");
  }

  /** The compressed blob is gone: so are its records. */
  async removeOf(digest: Digest): Promise<void> {
    for (const [name, record] of this.#known) {
      if (record.digest !== digest) continue;
      this.#known.delete(name);
      await rm(join(this.#directory, name), { force: true });
    }
  }
}

function nameOf(diffId: Digest, compression: LayerCompression): string {
  return `${algorithmOf(diffId)}-${hexOf(diffId)}.${compression}`;
}

async function readRecord(directory: string, name: string): Promise<CompressedBlob | undefined> {
  const [layer = "", suffix = ""] = name.split(".", 2);
  const diffId = findDigest(layer.replace("-", ":"));
  const compression = layerCompressions.find((each) => each === suffix);
  if (diffId === undefined || compression === undefined) return undefined;
  try {
    const digest = findDigest((await readFile(join(directory, name), "latin1")).trim());
    return digest === undefined ? undefined : Object.freeze({ diffId, compression, digest });
  } catch (thrown) {
    throw fileFailure(`cannot read "${join(directory, name)}"`, thrown);
  }
}
