import { required } from "../base/required.ts";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Failure, kindOf } from "../base/failure.ts";
import { algorithmOf, type Digest, findDigest, hexOf } from "../spec/digest.ts";
import type { LayerCompression } from "../spec/image/layer-compression.ts";
import type { Blob } from "./blobs/blob.ts";
import { BlobDraft, type DraftOptions } from "./blobs/blob-draft.ts";
import { CompressedBlobs } from "./blobs/compressed-blobs.ts";
import { syncPath } from "./blobs/name-blob.ts";
import { PartialBlob } from "./blobs/partial-blob.ts";
import { fileChunks } from "./blobs/file-chunks.ts";
import { readVerified } from "./blobs/read-verified.ts";
import { StagedBlob } from "./blobs/staged-blob.ts";
import { AbsentBlobs, type AbsentBlob } from "./rebuild/absent-blobs.ts";
import { type BlobForm, compressors } from "./rebuild/blob-form.ts";
import { readInWorker } from "./threads/read-in-worker.ts";
import type { OwnedFd } from "../linux/kernel/fd.ts";
import { codeOf, fileFailure } from "../linux/files/file-failure.ts";

/**
 * Blobs under `<dataRoot>/content/blobs/<algorithm>/<hex>`, named by what they hold. Whatever has a name there is
 * whole and survives power loss. Opening it makes the directories (0700) and deletes what crashed ingests left:
 * only one engine may have the data root open.
 */
export async function openContentStore(dataRoot: string): Promise<ContentStore> {
  const root = join(dataRoot, "content");
  try {
    await rm(join(root, "ingest"), { recursive: true, force: true });
    for (const directory of ["ingest", "partial", "absent", "compressed", "blobs/sha256", "blobs/sha512"]) {
      await mkdir(join(root, directory), { recursive: true, mode: 0o700 });
    }
    await removeOld(join(root, "partial"));
    for (const directory of [dataRoot, root, join(root, "blobs")]) await syncPath(directory);
    const absent = await AbsentBlobs.open(join(root, "absent"));
    const exists = async (digest: Digest): Promise<boolean> =>
      absent.find(digest) !== undefined || (await isFile(blobPath(root, digest)));
    return new ContentStore(root, {
      absent,
      compressed: await CompressedBlobs.open(join(root, "compressed"), { exists }),
    });
  } catch (thrown) {
    throw fileFailure(`cannot open the content store "${root}"`, thrown);
  }
}

/** A partial download expires when no pull has continued it for this time. */
const keptPartialMs = 7 * 24 * 3600 * 1000;

async function removeOld(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > keptPartialMs) await rm(path, { force: true });
  }
}

function blobPath(root: string, digest: Digest): string {
  return join(root, "blobs", algorithmOf(digest), hexOf(digest));
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

/** Where blobs come from that were dropped. */
export interface BlobProvider {
  hasLayer(diffId: Digest): boolean;
  /** The unpacked layer, to be disposed of. */
  openLayer(diffId: Digest): Promise<OwnedFd>;
  /** Sees to it that the blob is stored again. */
  refetch(blob: Blob): Promise<void>;
}

export class ContentStore {
  /** The facts about blobs that were dropped. */
  readonly absent: AbsentBlobs;
  /** Which blobs were compressed of which layers. */
  readonly compressed: CompressedBlobs;
  readonly #root: string;
  #provider: BlobProvider | undefined;

  constructor(
    root: string,
    { absent, compressed }: { readonly absent: AbsentBlobs; readonly compressed: CompressedBlobs },
  ) {
    this.#root = root;
    this.absent = absent;
    this.compressed = compressed;
  }

  /** From now on blobs that were dropped are found and opened, too. */
  provide(provider: BlobProvider): void {
    this.#provider = provider;
  }

  /** Begins a blob; the caller disposes of the draft. */
  async draft(options: DraftOptions = {}): Promise<BlobDraft> {
    const algorithm =
      options.expected?.digest === undefined ? options.algorithm : algorithmOf(options.expected.digest);
    const path = join(this.ingestDirectory, randomBytes(16).toString("hex"));
    try {
      return await BlobDraft.create(
        { path, target: (digest) => this.pathOf(digest) },
        algorithm === undefined ? options : { ...options, algorithm },
      );
    } catch (thrown) {
      throw fileFailure("cannot store a blob", thrown);
    }
  }

  /** Where files lie that become blobs: what is left there is removed at the next start. */
  get ingestDirectory(): string {
    return join(this.#root, "ingest");
  }

  /** A whole file of the ingest directory, proven to be this blob; the caller disposes of it. */
  stage(path: string, blob: Blob): StagedBlob {
    return new StagedBlob(blob, { path, target: (digest) => this.pathOf(digest) });
  }

  /**
   * A known blob that goes on with what an earlier one left, in this life or before, and leaves what it has to the
   * next one. One at a time for each blob: the caller sees to it, and disposes of it.
   */
  async resume({ digest, size }: Blob): Promise<PartialBlob> {
    try {
      return await PartialBlob.open(
        { path: this.#partialOf(digest), target: (found) => this.pathOf(found) },
        { digest, size },
      );
    } catch (thrown) {
      throw fileFailure("cannot store a blob", thrown);
    }
  }

  /** Stores all of `chunks`, atomically; nothing stays when it fails. Any number at once, also of the same blob. */
  async ingest(
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: DraftOptions & { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Blob> {
    await using draft = await this.draft(options);
    for await (const chunk of chunks) {
      options.signal?.throwIfAborted();
      await draft.write(chunk);
    }
    return await draft.commit();
  }

  /** A blob that is stored, or was dropped and can be had again. */
  async find(digest: Digest): Promise<Blob | undefined> {
    return (await this.findStored(digest)) ?? this.#findAbsent(digest);
  }

  async findStored(digest: Digest): Promise<Blob | undefined> {
    try {
      return { digest, size: (await stat(this.pathOf(digest))).size };
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return undefined;
      throw fileFailure(`cannot find blob ${digest}`, thrown);
    }
  }

  /**
   * The compressed form of a layer. Undefined, too, when it was dropped and this program would produce other bytes:
   * then it is compressed again.
   */
  async findCompressed(diffId: Digest, compression: LayerCompression): Promise<Blob | undefined> {
    const digest = this.compressed.find(diffId, compression)?.digest;
    if (digest === undefined) return undefined;
    const stored = await this.findStored(digest);
    if (stored !== undefined) return stored;
    const absent = this.#findAbsent(digest);
    return absent?.form !== undefined && absent.compressors === compressors ? absent : undefined;
  }

  #findAbsent(digest: Digest): AbsentBlob | undefined {
    const found = this.absent.find(digest);
    if (found === undefined || this.#provider === undefined) return undefined;
    return found.form === undefined || this.#provider.hasLayer(found.diffId) ? found : undefined;
  }

  /**
   * The content in pieces; what was dropped is made or fetched again. Throws "not-found". With `verify` it throws
   * "corrupt" at the end when the disk gave something else than was stored, so use nothing of it before. `from` is a
   * byte to begin at, unverified.
   */
  async *open(
    digest: Digest,
    {
      verify = false,
      from = 0,
    }: { readonly verify?: boolean | undefined; readonly from?: number | undefined } = {},
  ): AsyncGenerator<Uint8Array, void> {
    await this.ensure(digest);
    const absent = (await this.findStored(digest)) === undefined ? this.#findAbsent(digest) : undefined;
    if (absent?.form !== undefined) {
      yield* this.#rebuild(absent, absent.form, from);
      return;
    }
    const path = this.pathOf(digest);
    if (verify) {
      const { size = 0 } = (await this.findStored(digest)) ?? {};
      yield* readInWorker("read", { path, digest }, { here: readVerified, size });
      return;
    }
    try {
      yield* fileChunks(path, from);
    } catch (thrown) {
      throw fileFailure(`cannot read blob ${digest}`, thrown);
    }
  }

  /** Fetches what can only be had by that, so that open() can't fail for it soon. Fine for all else. */
  async ensure(digest: Digest): Promise<void> {
    const absent = this.#findAbsent(digest);
    if (absent === undefined || (await this.findStored(digest)) !== undefined) return;
    if (absent.form !== undefined && (await this.#isStillEqual(absent, absent.form))) return;
    await this.#provider?.refetch({ digest, size: absent.size });
  }

  /** A proof by the compressors of another version of this program is repeated before it is trusted. */
  async #isStillEqual(absent: AbsentBlob, form: BlobForm): Promise<boolean> {
    if (form.kind === "plain" || absent.compressors === compressors) return true;
    try {
      for await (const _ of this.#rebuild(absent, form, 0));
      return true;
    } catch (thrown) {
      if (kindOf(thrown) !== "corrupt") throw thrown;
      return false;
    }
  }

  async *#rebuild(
    { digest, diffId, size }: AbsentBlob,
    form: BlobForm,
    from: number,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    using root = await required(this.#provider).openLayer(diffId);
    const { rebuildVerified } = await import("./rebuild/rebuild-blob.ts");
    const job = { digest, form, recordPath: this.absent.pathOf(digest), root: root.fd, from };
    yield* readInWorker("rebuild", job, { here: rebuildVerified, size });
  }

  /** A small blob whole, verified. Throws "invalid" when it is longer than `maxBytes`. */
  async read(
    digest: Digest,
    { maxBytes = 4 * 1024 * 1024 }: { readonly maxBytes?: number | undefined } = {},
  ): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.open(digest, { verify: true })) {
      size += chunk.length;
      if (size > maxBytes) {
        throw new Failure("invalid", `cannot read blob ${digest}: it is longer than ${maxBytes} bytes`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** With all that is known of it. Fine when there is nothing. Who reads it at the moment reads on to its end. */
  async remove(digest: Digest): Promise<void> {
    await this.removeStored(digest);
    await this.absent.remove(digest);
    await this.compressed.removeOf(digest);
  }

  /** The blob alone: what is known of it stays. */
  async removeStored(digest: Digest): Promise<void> {
    try {
      await rm(this.pathOf(digest), { force: true });
    } catch (thrown) {
      throw fileFailure(`cannot remove blob ${digest}`, thrown);
    }
  }

  /** Those that are stored. */
  async list(): Promise<readonly Blob[]> {
    const blobs: Blob[] = [];
    for (const algorithm of ["sha256", "sha512"]) {
      for (const name of await readdir(join(this.#root, "blobs", algorithm))) {
        const digest = findDigest(`${algorithm}:${name}`);
        const blob = digest === undefined ? undefined : await this.find(digest);
        if (blob !== undefined) blobs.push(blob);
      }
    }
    return blobs;
  }

  /** Bytes of all blobs. */
  async size(): Promise<number> {
    return (await this.list()).reduce((total, { size }) => total + size, 0);
  }

  /** Blobs of which resume() has a part: so much of it. The longest untouched is the first. */
  async listPartial(): Promise<readonly Blob[]> {
    const directory = join(this.#root, "partial");
    const found: (Blob & { readonly touchedMs: number })[] = [];
    for (const name of await readdir(directory)) {
      const digest = findDigest(name.replace("-", ":"));
      const file = await stat(join(directory, name)).catch(() => undefined);
      if (digest === undefined || file === undefined) continue;
      found.push({ digest, size: file.size, touchedMs: file.mtimeMs });
    }
    return found
      .toSorted((one, other) => one.touchedMs - other.touchedMs)
      .map(({ digest, size }) => ({ digest, size }));
  }

  /** As forget(), of all that is there in part; while nothing is being downloaded. */
  async forgetAll(): Promise<void> {
    for (const { digest } of await this.listPartial()) await this.forget(digest);
  }

  /** Discards the partial content for resume(). Does nothing when there is none. */
  async forget(digest: Digest): Promise<void> {
    await rm(this.#partialOf(digest), { force: true });
  }

  #partialOf(digest: Digest): string {
    return join(this.#root, "partial", `${algorithmOf(digest)}-${hexOf(digest)}`);
  }

  /** Where a blob that is stored is. */
  pathOf(digest: Digest): string {
    return blobPath(this.#root, digest);
  }
}
