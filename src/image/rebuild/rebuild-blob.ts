import { Failure } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { algorithmOf, type Digest, Digester } from "../../spec/digest.ts";
import { type BlobForm, compressAs } from "./blob-form.ts";
import { decodePieces, readRecipe } from "./recipe.ts";
import { rebuildTar } from "./rebuild-tar.ts";

/** Can be sent to a thread. */
export interface RebuildJob {
  readonly digest: Digest;
  readonly form: BlobForm;
  /** Of the record with the recipe. */
  readonly recordPath: string;
  /** The unpacked layer. */
  readonly root: Fd;
  /** A byte to begin at; all before it is made, and compared, too. */
  readonly from: number;
}

/** A blob out of its recipe and the tree of its layer. */
export function rebuildBlob(
  form: BlobForm,
  { recipe, root }: { readonly recipe: AsyncIterable<Uint8Array>; readonly root: Fd },
): AsyncGenerator<Uint8Array, void, undefined> {
  return compressAs(form, rebuildTar(decodePieces(recipe), root));
}

/**
 * As rebuildBlob(), compared at the end, whatever was asked for: another version of this program may compress
 * otherwise.
 */
export async function* rebuildVerified({
  digest,
  form,
  recordPath,
  root,
  from,
}: RebuildJob): AsyncGenerator<Uint8Array, void, undefined> {
  const digester = new Digester(algorithmOf(digest));
  let at = 0;
  for await (const chunk of rebuildBlob(form, { recipe: readRecipe(recordPath), root })) {
    digester.update(chunk);
    const fresh = chunk.subarray(Math.min(chunk.length, Math.max(0, from - at)));
    at += chunk.length;
    if (fresh.length > 0) yield fresh;
  }
  if (digester.finish() === digest) return;
  throw new Failure(
    "corrupt",
    `cannot rebuild blob ${digest}: what was made of its layer has another digest; pull or load the image again`,
  );
}
