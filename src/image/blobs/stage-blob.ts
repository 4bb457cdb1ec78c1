import { fileFailure } from "../../linux/files/file-failure.ts";
import { type BlobForm, compressAs as compressed } from "../rebuild/blob-form.ts";
import { decompress } from "../streams/compression.ts";
import type { Blob } from "./blob.ts";
import { BlobDraft } from "./blob-draft.ts";

/** Can be sent to a thread. */
export interface StageJob {
  /** A file that is not there yet; it is the caller's when the blob is whole, and gone when it is not. */
  readonly path: string;
  /** The input is a tar that may be compressed: it is stored decompressed. */
  readonly inflates: boolean;
  /** The input is stored in this form. */
  readonly compressAs?: BlobForm | undefined;
  /** Of what is kept; beyond this it is refused, "invalid". */
  readonly maxBytes?: number | undefined;
}

/** Writes what comes to the file, hashed. */
export async function stageBlob(
  { path, inflates, compressAs = { kind: "plain" }, maxBytes }: StageJob,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Blob> {
  const options = maxBytes === undefined ? {} : { maxBytes };
  const draft = await BlobDraft.create({ path, target: unnamed }, options).catch((thrown: unknown) => {
    throw fileFailure("cannot store a blob", thrown);
  });
  try {
    for await (const piece of compressed(compressAs, inflates ? decompress(source) : source)) {
      signal.throwIfAborted();
      await draft.write(piece);
    }
    return await draft.finish();
  } catch (thrown) {
    await draft[Symbol.asyncDispose]();
    throw thrown;
  }
}

function unnamed(): never {
  throw new Error("what is staged has no name in the store yet");
}
