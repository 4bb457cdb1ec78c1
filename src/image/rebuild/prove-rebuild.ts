import { once } from "node:events";
import { createZstdCompress } from "node:zlib";
import { Failure } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { algorithmOf, Digester } from "../../spec/digest.ts";
import { TarSplitter } from "../../spec/tar-splitter.ts";
import type { Blob } from "../blobs/blob.ts";
import { fileChunks } from "../blobs/file-chunks.ts";
import { readVerified } from "../blobs/read-verified.ts";
import { decompress } from "../streams/compression.ts";
import { type BlobForm, guessBytes, guessForm } from "./blob-form.ts";
import { encodePiece } from "./recipe.ts";
import { rebuildBlob } from "./rebuild-blob.ts";

/** Can be sent to a thread. */
export interface ProveJob extends Blob {
  /** Of the blob's file. */
  readonly path: string;
  /** The unpacked layer. */
  readonly root: Fd;
  /** Where it is known; absent: it is guessed. */
  readonly form?: BlobForm | undefined;
}

export interface MadeForm {
  readonly form: BlobForm;
  /** Compressed. */
  readonly recipe: readonly Uint8Array[];
}

/** How the blob is made again, and the recipe for its tar; undefined where that was not proven. */
export async function proveRebuild(job: ProveJob, signal: AbortSignal): Promise<MadeForm | undefined> {
  const { digest, size, path, root } = job;
  try {
    const form = job.form ?? (await guessFormOf(path, signal));
    if (form === undefined) return undefined;
    const recipe = await writeRecipe(job, signal);
    if (recipe === undefined) return undefined;
    const digester = new Digester(algorithmOf(digest));
    let bytes = 0;
    for await (const piece of rebuildBlob(form, { recipe: plainRecipe(recipe), root })) {
      signal.throwIfAborted();
      digester.update(piece);
      bytes += piece.length;
      if (bytes > size) return undefined;
    }
    return digester.finish() === digest ? { form, recipe } : undefined;
  } catch (thrown) {
    signal.throwIfAborted();
    // A blob that cannot be decomposed cannot be rebuilt: it stays, whatever the error.
    if (thrown instanceof Failure && thrown.kind !== "internal") return undefined;
    throw thrown;
  }
}

async function guessFormOf(path: string, signal: AbortSignal): Promise<BlobForm | undefined> {
  const heads = await headsOf(path);
  return await guessForm(heads.blob, {
    head: heads.tar,
    isWhole: heads.isWhole,
    countBytes: () => lengthOf(path, signal),
  });
}

async function headsOf(
  path: string,
): Promise<{ readonly blob: Uint8Array; readonly tar: Uint8Array; readonly isWhole: boolean }> {
  const blob = await headOf(fileChunks(path));
  const tar = await headOf(decompress(fileChunks(path)));
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

async function lengthOf(path: string, signal: AbortSignal): Promise<number> {
  let total = 0;
  for await (const chunk of decompress(fileChunks(path))) {
    signal.throwIfAborted();
    total += chunk.length;
  }
  return total;
}

/** The smallest block of a file system: what saves less than a few saves nothing. */
const blockBytes = 4096;
const mostRecipeBytes = 64 * 1024 * 1024;

/** Writes the parts of the tar that are not in files, compressed; undefined when they are too large to save space. */
async function writeRecipe(
  { path, digest, size }: ProveJob,
  signal: AbortSignal,
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
  ended.catch(() => undefined); // no caller waits for it after a cancellation
  for await (const chunk of decompress(readVerified({ path, digest }))) {
    signal.throwIfAborted();
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
