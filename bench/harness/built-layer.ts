import { createReadStream, createWriteStream, lstatSync, readdirSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../src/spec/tar-writer.ts";

/** A layer's blob in a file, gzip at its usual level; a name that ends in `.tar` keeps it plain. */
export interface BuiltLayer {
  readonly path: string;
  readonly digest: string;
  readonly diffId: string;
  /** Bytes of the blob. */
  readonly size: number;
  readonly files: number;
  readonly tarBytes: number;
}

interface HostFile {
  readonly path: string;
  readonly size: number;
}

/** Regular files of this machine's /usr, which is what images are made of; always in the same order. */
export function listHostFiles(): readonly HostFile[] {
  const found: HostFile[] = [];
  const pending = ["/usr/lib", "/usr/share", "/usr/bin", "/usr/sbin"];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile()) found.push({ path, size: lstatSync(path).size });
    }
  }
  return found
    .filter(({ size }) => size > 0 && size < 8e6)
    .sort((one, other) => (hashOf(one.path) < hashOf(other.path) ? -1 : 1));
}

/**
 * So many files with so many bytes together: the smallest ones that the list begins with, and large ones until it is
 * enough.
 */
export function chooseFiles(
  files: readonly HostFile[],
  { count, bytes }: { readonly count: number; readonly bytes: number },
): readonly HostFile[] {
  const chosen = files.filter(({ size }) => size <= 200_000).slice(0, count);
  let total = chosen.reduce((sum, { size }) => sum + size, 0);
  let at = 0;
  for (const large of files.filter(({ size }) => size > 200_000)) {
    const small = chosen[at];
    if (small === undefined) break;
    if (total - small.size + large.size > bytes) continue;
    total += large.size - small.size;
    chosen[at++] = large;
  }
  return chosen.sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** A layer of files of this machine. */
export function buildFromHost(path: string, files: readonly HostFile[]): Promise<BuiltLayer> {
  return build(path, {
    files: files.length,
    async *members() {
      for (const file of files) {
        yield encodeTarMember({
          path: file.path.slice(1),
          type: "file",
          mode: 0o644,
          size: file.size,
          mtime: { seconds: 1_700_000_000, nanoseconds: 0 },
        });
        let given = 0;
        for await (const chunk of createReadStream(file.path, { end: file.size - 1 })) {
          given += (chunk as Uint8Array).length;
          yield chunk as Uint8Array;
        }
        if (given !== file.size) throw new Error(`cannot build a layer: ${file.path} has changed`);
        yield new Uint8Array(tarPadding(file.size));
      }
    },
  });
}

/** A layer of many small files, a hundred in a directory. */
export function buildOfSmallFiles(path: string, count: number): Promise<BuiltLayer> {
  return build(path, {
    files: count,
    async *members() {
      for (let at = 0; at < count; at++) {
        if (at % 100 === 0) yield encodeTarMember({ path: `d${at / 100}/`, type: "directory", mode: 0o755 });
        const text = Buffer.from(`file ${at}\n`.repeat(1 + ((at * 7919) % 150)));
        const name = `d${Math.floor(at / 100)}/file-${at}.txt`;
        yield encodeTarMember({ path: name, type: "file", mode: 0o644, size: text.length });
        yield text;
        yield new Uint8Array(tarPadding(text.length));
      }
    },
  });
}

async function build(
  path: string,
  { files, members }: { readonly files: number; members(): AsyncIterable<Uint8Array> },
): Promise<BuiltLayer> {
  const tarHash = createHash("sha256");
  const blobHash = createHash("sha256");
  let tarBytes = 0;
  await pipeline(
    async function* () {
      let waiting: Uint8Array[] = [];
      let bytes = 0;
      const take = function* (piece: Uint8Array): Generator<Uint8Array> {
        if (piece.length === 0) return;
        tarHash.update(piece);
        tarBytes += piece.length;
        waiting.push(piece);
        bytes += piece.length;
        if (bytes < 1 << 20) return;
        yield Buffer.concat(waiting);
        waiting = [];
        bytes = 0;
      };
      for await (const piece of members()) yield* take(piece);
      yield* take(encodeTarEnd());
      if (bytes > 0) yield Buffer.concat(waiting);
    },
    path.endsWith(".tar") ? new PassThrough() : createGzip({ level: 6 }),
    async function* (compressed: AsyncIterable<Uint8Array>) {
      for await (const piece of compressed) {
        blobHash.update(piece);
        yield piece;
      }
    },
    createWriteStream(path),
  );
  return {
    path,
    digest: `sha256:${blobHash.digest("hex")}`,
    diffId: `sha256:${tarHash.digest("hex")}`,
    size: statSync(path).size,
    files,
    tarBytes,
  };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
