import { read as readCallback } from "node:fs";
import { promisify } from "node:util";
import { Failure } from "../../base/failure.ts";
import { O_CLOEXEC, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from "../../linux/constants/open.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { openInRoot } from "../../linux/files/open.ts";
import { statFd } from "../../linux/files/stat.ts";
import type { TarPiece } from "../../spec/tar-splitter.ts";

const read = promisify(readCallback);
const chunkBytes = 1024 * 1024;

/**
 * A layer's tar again, of its pieces and the tree that was unpacked of it. Throws "corrupt" for a file that is not as
 * it was.
 */
export async function* rebuildTar(
  pieces: AsyncIterable<TarPiece>,
  root: Fd,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    if (piece.kind === "raw") yield piece.bytes;
    else yield* contentOf(piece, root);
  }
}

async function* contentOf(
  { path, bytes }: { readonly path: string; readonly bytes: number },
  root: Fd,
): AsyncGenerator<Uint8Array, void, undefined> {
  const clean = path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
  const changed = (detail: string, cause?: unknown): Failure =>
    new Failure("corrupt", `cannot rebuild a layer: ${JSON.stringify(path)} ${detail}`, { cause });
  // SAFETY: with the layer as the root, whatever the archive called it: some have entries below a link.
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  let opened;
  try {
    opened = openInRoot(root, clean, flags);
  } catch (thrown) {
    throw changed("is not in its tree", thrown);
  }
  using file = opened;
  const stat = statFd(file.fd);
  if (stat.kind !== "file" || stat.size !== bytes) throw changed("is another file in its tree");
  for (let at = 0; at < bytes; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, bytes - at));
    const { bytesRead } = await read(file.fd, buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw changed("ends early");
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
