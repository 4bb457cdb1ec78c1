import { bytesOf } from "../../base/byte-stream.ts";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Failure } from "../../base/failure.ts";
import { layerTarOffset } from "../../linux/erofs/layer-image.ts";
import { algorithmOf, type Digest, Digester } from "../../spec/digest.ts";

/** Of all in an image that is not the tar: superblock, index, and what was copied for it. */
export async function digestIndex(
  path: string,
  tarBytes: number,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Digest> {
  const digester = new Digester();
  const { size } = await stat(path);
  await take(digester, path, { start: 0, end: layerTarOffset, signal });
  await take(digester, path, { start: layerTarOffset + tarBytes, end: size, signal });
  return digester.finish();
}

/** Reads all of an image. Throws "corrupt", naming the file, where it is not what was written. */
export async function verifyImage(
  path: string,
  {
    diffId,
    tarBytes,
    indexDigest,
  }: { readonly diffId: Digest; readonly tarBytes: number; readonly indexDigest: Digest },
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const digester = new Digester(algorithmOf(diffId));
  await take(digester, path, { start: layerTarOffset, end: layerTarOffset + tarBytes, signal });
  if (digester.finish() !== diffId) {
    throw new Failure("corrupt", `cannot verify "${path}": the tar in it has another digest than its layer`);
  }
  if ((await digestIndex(path, tarBytes, { signal })) !== indexDigest) {
    throw new Failure("corrupt", `cannot verify "${path}": the index in it is not what was written`);
  }
}

async function take(
  digester: Digester,
  path: string,
  {
    start,
    end,
    signal,
  }: { readonly start: number; readonly end: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  if (end <= start) return;
  const pieces = createReadStream(path, { start, end: end - 1, highWaterMark: 1 << 20 });
  for await (const piece of bytesOf(pieces)) {
    signal?.throwIfAborted();
    digester.update(piece);
  }
}
