import { Failure } from "../base/failure.ts";
import type { Fd } from "../linux/kernel/fd.ts";
import { compareLayer } from "../linux/tree/tree.ts";
import { algorithmOf, type Digest, Digester } from "../spec/digest.ts";
import { TarReader } from "../spec/tar.ts";
import { type TarPiece, TarSplitter } from "../spec/tar-splitter.ts";
import { fileChunks } from "./blobs/file-chunks.ts";
import { decompress } from "./streams/compression.ts";
import { rebuildTar } from "./rebuild/rebuild-tar.ts";

/** Can be sent to a thread. */
export interface VerifyTreeJob {
  readonly diffId: Digest;
  /** Of the layer's blob. */
  readonly path: string;
  /** The unpacked layer. */
  readonly root: Fd;
}

/**
 * Compares an unpacked layer with its blob: the contents of files by making the tar again, all else by its entries.
 * Throws "corrupt" where they differ.
 */
export async function verifyTree({ diffId, path, root }: VerifyTreeJob, signal: AbortSignal): Promise<void> {
  const splitter = new TarSplitter();
  const reader = new TarReader();
  const comparison = compareLayer(root);
  const pieces = async function* (): AsyncGenerator<TarPiece, void, undefined> {
    for await (const chunk of decompress(fileChunks(path))) {
      for (const event of reader.push(chunk)) if (event.kind === "entry") comparison.add(event.entry);
      yield* splitter.push(chunk);
    }
    splitter.end();
  };
  const digester = new Digester(algorithmOf(diffId));
  for await (const bytes of rebuildTar(pieces(), root)) {
    signal.throwIfAborted();
    digester.update(bytes);
  }
  if (digester.finish() !== diffId) {
    throw new Failure("corrupt", "cannot verify it: its files are not what was unpacked");
  }
  comparison.compare();
}
