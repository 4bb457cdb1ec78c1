import { parseTrustedJson } from "../../base/trusted-json.ts";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fault } from "../../base/fault.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { algorithmOf, type Digest, findDigest, hexOf } from "../../spec/digest.ts";
import { syncPath } from "../blobs/name-blob.ts";
import type { BlobForm } from "./blob-form.ts";
import { mostHeadBytes } from "./recipe.ts";

/** The facts about a layer's blob that is no longer in the store. */
export interface AbsentBlob {
  readonly digest: Digest;
  readonly size: number;
  /** Of the unpacked layer. */
  readonly diffId: Digest;
  /** With a recipe behind it; absent: it has to be fetched again. */
  readonly form?: BlobForm | undefined;
  /** Those it was proven with. */
  readonly compressors?: string | undefined;
}

/**
 * Records of blobs that were dropped, one file each: a line of JSON, then, for those that can be rebuilt, the pieces of
 * the tar that are not in the layer's files, compressed. Known by heart: only this process changes them.
 */
export class AbsentBlobs {
  readonly #directory: string;
  readonly #known = new Map<Digest, AbsentBlob>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Of a directory that exists. What is half-written or can't be read is removed: its blob was not dropped yet, or is
   * lost.
   */
  static async open(directory: string): Promise<AbsentBlobs> {
    const blobs = new AbsentBlobs(directory);
    for (const name of await readdir(directory)) {
      const digest = findDigest(name.replace("-", ":"));
      const record = digest === undefined ? undefined : await readHead(join(directory, name));
      if (record !== undefined && record.digest === digest) blobs.#known.set(digest, Object.freeze(record));
      else await rm(join(directory, name), { force: true });
    }
    return blobs;
  }

  find(digest: Digest): AbsentBlob | undefined {
    return this.#known.get(digest);
  }

  list(): readonly AbsentBlob[] {
    return [...this.#known.values()];
  }

  /** Safe from power loss when it returns; replaces what is known of the blob. */
  async put(
    record: AbsentBlob,
    recipe: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = [],
  ): Promise<void> {
    const draft = join(this.#directory, `.${randomBytes(12).toString("hex")}`);
    try {
      const file = await open(draft, "wx", 0o600);
      try {
        await write(file, Buffer.from(`${JSON.stringify(record)}\n`));
        for await (const piece of recipe) await write(file, piece);
        await file.sync();
      } finally {
        await file.close();
      }
      fault("absent.synced");
      await rename(draft, this.pathOf(record.digest));
      await syncPath(this.#directory);
    } catch (thrown) {
      await rm(draft, { force: true });
      throw fileFailure(`cannot note what blob ${record.digest} was made of`, thrown);
    }
    this.#known.set(record.digest, Object.freeze(record));
    fault("absent.named");
  }

  /** Fine when nothing is known of it. */
  async remove(digest: Digest): Promise<void> {
    if (!this.#known.delete(digest)) return;
    await rm(this.pathOf(digest), { force: true });
  }

  /** Of its record: see readRecipe(). */
  pathOf(digest: Digest): string {
    return join(this.#directory, `${algorithmOf(digest)}-${hexOf(digest)}`);
  }
}

async function write(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
  }
}

async function readHead(path: string): Promise<AbsentBlob | undefined> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostHeadBytes), 0, mostHeadBytes, 0);
    const end = buffer.subarray(0, bytesRead).indexOf(0x0a);
    return end < 0 ? undefined : parseTrustedJson<AbsentBlob>(buffer.subarray(0, end).toString());
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw fileFailure(`cannot read "${path}"`, thrown);
  } finally {
    await file.close();
  }
}
