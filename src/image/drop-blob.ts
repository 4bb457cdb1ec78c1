import { once } from "node:events";
import { createZstdCompress } from "node:zlib";
import { Failure } from "../base/failure.ts";
import { fault } from "../base/fault.ts";
import type { Fd } from "../linux/fd.ts";
import { algorithmOf, type Digest, Digester } from "../spec/digest.ts";
import { TarSplitter } from "../spec/tar-splitter.ts";
import type { Blob } from "./blobs/blob-draft.ts";
import type { ContentStore } from "./content-store.ts";
import { decompress } from "./streams/compression.ts";
import { type BlobForm, compressAs, compressors, guessBytes, guessForm } from "./rebuild/blob-form.ts";
import { decodePieces, encodePiece } from "./rebuild/recipe.ts";
import { rebuildTar } from "./rebuild/rebuild-tar.ts";

export interface DropOptions {
  readonly store: ContentStore;
  /** The unpacked layer. */
  readonly root: Fd;
  /** A registry has it, so that it may go without a proof, or rest on the compressors of this program. */
  readonly isElsewhere: boolean;
  readonly mayRefetch: boolean;
  readonly signal?: AbortSignal;
}

export type DropOutcome = "rebuildable" | "refetchable" | "kept";

/**
 * Drops the blob of a layer where its policy allows that: made again of the layer's files it has to be the same, bit for bit, at this
 * moment. What rests on a compressor, which the next version of this program may have another of, goes only where a registry has
 * it, too. Tells what became of it; the blob is there until its record is safe.
 */
export async function dropBlob(
  { digest, diffId }: { readonly digest: Digest; readonly diffId: Digest },
  options: DropOptions,
): Promise<DropOutcome> {
  const { store, isElsewhere, mayRefetch } = options;
  const blob = await store.findStored(digest);
  if (blob === undefined) return "kept";
  const made = await proveRebuild(blob, options);
  if (made !== undefined && (made.form.kind === "plain" || isElsewhere)) {
    const { form, recipe } = made;
    await store.absent.put(
      { ...blob, diffId, form, ...(form.kind === "plain" ? {} : { compressors }) },
      recipe,
    );
  } else if (isElsewhere && mayRefetch) {
    await store.absent.put({ ...blob, diffId });
  } else {
    return "kept";
  }
  await store.removeStored(digest);
  fault("blob.dropped");
  return store.absent.find(digest)?.form === undefined ? "refetchable" : "rebuildable";
}

/** How the blob is made again, and the recipe for its tar; undefined where that was not proven. */
async function proveRebuild(
  { digest, size }: Blob,
  { store, root, signal }: DropOptions,
): Promise<{ readonly form: BlobForm; readonly recipe: readonly Uint8Array[] } | undefined> {
  try {
    const heads = await headsOf(store, digest);
    const form = await guessForm(heads.blob, {
      head: heads.tar,
      isWhole: heads.isWhole,
      countBytes: () => lengthOf(store, digest, signal),
    });
    if (form === undefined) return undefined;
    const recipe = await writeRecipe(store, { digest, size }, signal);
    if (recipe === undefined) return undefined;
    const digester = new Digester(algorithmOf(digest));
    let bytes = 0;
    for await (const piece of rebuildBlob(form, { recipe: plainRecipe(recipe), root })) {
      signal?.throwIfAborted();
      digester.update(piece);
      bytes += piece.length;
      if (bytes > size) return undefined;
    }
    return digester.finish() === digest ? { form, recipe } : undefined;
  } catch (thrown) {
    signal?.throwIfAborted();
    // What can't be taken apart can't be put together: it stays, whatever is wrong with it.
    if (thrown instanceof Failure && thrown.kind !== "internal") return undefined;
    throw thrown;
  }
}

/** A blob out of its recipe and the tree of its layer. */
export function rebuildBlob(
  form: BlobForm,
  { recipe, root }: { readonly recipe: AsyncIterable<Uint8Array>; readonly root: Fd },
): AsyncGenerator<Uint8Array, void, undefined> {
  return compressAs(form, rebuildTar(decodePieces(recipe), root));
}

async function headsOf(
  store: ContentStore,
  digest: Digest,
): Promise<{ readonly blob: Uint8Array; readonly tar: Uint8Array; readonly isWhole: boolean }> {
  const blob = await headOf(store.open(digest));
  const tar = await headOf(decompress(store.open(digest)));
  return { blob: blob.bytes, tar: tar.bytes, isWhole: tar.isWhole };
}

async function headOf(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly bytes: Uint8Array; readonly isWhole: boolean }> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunks) {
    parts.push(Buffer.from(chunk));
    total += chunk.length;
    if (total > guessBytes) return { bytes: Buffer.concat(parts).subarray(0, guessBytes), isWhole: false };
  }
  return { bytes: Buffer.concat(parts), isWhole: true };
}

async function lengthOf(
  store: ContentStore,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<number> {
  let total = 0;
  for await (const chunk of decompress(store.open(digest))) {
    signal?.throwIfAborted();
    total += chunk.length;
  }
  return total;
}

/** The smallest block of a file system: what saves less than a few saves nothing. */
const blockBytes = 4096;
const mostRecipeBytes = 64 * 1024 * 1024;

/** What of the tar is not in files, compressed; undefined where that is so much that nothing is saved. */
async function writeRecipe(
  store: ContentStore,
  { digest, size }: Blob,
  signal: AbortSignal | undefined,
): Promise<readonly Uint8Array[] | undefined> {
  const mostBytes = Math.min(size / 2 - blockBytes, mostRecipeBytes);
  let total = 0;
  const splitter = new TarSplitter();
  const compressing = createZstdCompress();
  const parts: Uint8Array[] = [];
  compressing.on("data", (part: Uint8Array) => {
    total += part.length;
    parts.push(part);
  });
  const ended = once(compressing, "end");
  ended.catch(() => undefined); // nobody waits for it when it is given up
  for await (const chunk of decompress(store.open(digest, { verify: true }))) {
    signal?.throwIfAborted();
    if (total > mostBytes) {
      compressing.destroy();
      return undefined;
    }
    for (const piece of splitter.push(chunk)) {
      for (const bytes of encodePiece(piece)) {
        if (!compressing.write(Buffer.from(bytes))) await once(compressing, "drain");
      }
    }
  }
  splitter.end();
  compressing.end();
  await ended;
  return total > mostBytes ? undefined : parts;
}

async function* plainRecipe(recipe: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  async function* parts(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* recipe;
  }
  yield* decompress(parts());
}
