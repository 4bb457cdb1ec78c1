import { bytesOf } from "../../base/byte-stream.ts";
import { createReadStream } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../spec/tar-writer.ts";

/**
 * The archive of a directory that holds images: an OCI layout, or what a docker-archive was unpacked into. Links stay
 * links: they are followed within the archive alone. Throws "invalid" for a directory that is neither, before anything
 * is given.
 */
export async function packDirectory(path: string): Promise<AsyncIterable<Uint8Array>> {
  const names = await readdir(path).catch((thrown: unknown): never => {
    throw new Failure("invalid", `open ${path}: ${sentenceOf(thrown)}`, { cause: thrown });
  });
  if (!names.includes("oci-layout") && !names.includes("manifest.json")) {
    throw new Failure(
      "invalid",
      `cannot load ${path}: it is neither an OCI layout nor an unpacked archive (no oci-layout, no manifest.json)`,
    );
  }
  return packAll(path);
}

async function* packAll(root: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield* packBelow(root, "");
  yield encodeTarEnd();
}

async function* packBelow(root: string, below: string): AsyncGenerator<Uint8Array, void, undefined> {
  for (const name of (await readdir(join(root, below))).sort()) {
    const path = below === "" ? name : `${below}/${name}`;
    const found = await lstat(join(root, path));
    if (found.isDirectory()) yield* packBelow(root, path);
    else if (found.isFile()) yield* packFile(join(root, path), path);
    else if (found.isSymbolicLink()) {
      const linkName = await readlink(join(root, path));
      yield encodeTarMember({ path, type: "symlink", linkName, mode: 0o777 });
    }
  }
}

async function* packFile(source: string, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(source, "r");
  const { size } = await file.stat();
  yield encodeTarMember({ path, type: "file", size, mode: 0o644 });
  let given = 0;
  const bytes = bytesOf(createReadStream("", { fd: file, highWaterMark: 256 * 1024 }));
  for await (const piece of bytes) {
    given += piece.length;
    if (given > size) break;
    yield piece;
  }
  if (given !== size) throw new Failure("corrupt", `cannot load ${source}: it changes while it is read`);
  yield new Uint8Array(tarPadding(size));
}
