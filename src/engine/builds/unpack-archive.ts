import { randomBytes } from "node:crypto";
import { createReadStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { kindOf } from "../../base/failure.ts";
import { bytesOf } from "../../base/byte-stream.ts";
import type { UnpackedArchive } from "../../build/solver/copy-layer.ts";
import { plainArchive } from "../../build/sources/plain-archive.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { removeTreeInWorker, unpackLayer } from "../../linux/tree/tree.ts";
import { isTarHeader } from "../../spec/tar.ts";

const blockBytes = 512;

/**
 * Unpacks an archive (tar, plain or compressed with gzip, zstd, bzip2 or xz) into a directory of its own; undefined for a
 * file that is none. Throws "invalid" for names and sizes that are refused, "unsupported" where the host has no program
 * for bzip2 or xz.
 */
export async function unpackArchive(
  file: Fd,
  { directory, signal }: { readonly directory: string; readonly signal: AbortSignal },
): Promise<UnpackedArchive | undefined> {
  if (!(await isArchive(file, signal))) return undefined;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const name = randomBytes(8).toString("hex");
  await using held = new AsyncDisposableStack();
  const parent = held.use(openDirectoryPath(directory));
  mkdirSync(join(directory, name), { mode: 0o755 });
  held.defer(() => removeTreeInWorker(parent.fd, name));
  const root = held.use(openDirectoryPath(join(directory, name)));
  await unpackLayer(plainArchive(readFd(file), signal), root.fd, {
    whiteouts: "plain",
    names: "docker",
    signal,
  });
  const kept = held.move();
  return { root: root.fd, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
}

/** SPEC: BuildKit looks whether the first header of what is in the file can be read. */
export async function isArchive(file: Fd, signal: AbortSignal): Promise<boolean> {
  const block = Buffer.alloc(blockBytes);
  let filled = 0;
  try {
    for await (const piece of plainArchive(readFd(file), signal)) {
      filled += Buffer.from(piece).copy(block, filled);
      if (filled === blockBytes) break;
    }
    return filled === blockBytes && isTarHeader(block);
  } catch (thrown) {
    if (["corrupt", "invalid"].includes(kindOf(thrown))) return false;
    throw thrown;
  }
}

/** SAFETY: exactly the file that was opened, whatever is at its path by now. */
export function readFd(file: Fd): AsyncIterable<Uint8Array> {
  return bytesOf(createReadStream(`/proc/self/fd/${file}`));
}
