import { Failure } from "../base/failure.ts";
import type { Fd } from "../linux/fd.ts";
import { algorithmOf, type Digest, Digester } from "../spec/digest.ts";
import { type TarPiece, TarSplitter } from "../spec/tar-splitter.ts";
import { decompress } from "./streams/compression.ts";
import { rebuildTar } from "./rebuild/rebuild-tar.ts";

/** Compares the files of an unpacked layer with its blob. Throws "corrupt" where they differ. */
export async function verifyTree(
  blob: AsyncIterable<Uint8Array>,
  { diffId, root, signal }: { readonly diffId: Digest; readonly root: Fd; readonly signal?: AbortSignal },
): Promise<void> {
  const splitter = new TarSplitter();
  const pieces = async function* (): AsyncGenerator<TarPiece, void, undefined> {
    for await (const chunk of decompress(blob)) yield* splitter.push(chunk);
    splitter.end();
  };
  const digester = new Digester(algorithmOf(diffId));
  for await (const bytes of rebuildTar(pieces(), root)) {
    signal?.throwIfAborted();
    digester.update(bytes);
  }
  if (digester.finish() !== diffId) {
    throw new Failure("corrupt", "cannot verify it: its files are not what was unpacked");
  }
}
