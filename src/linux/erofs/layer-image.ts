import { Failure, within } from "../../base/failure.ts";
import { encodeBytes } from "../../spec/byte-text.ts";
import { TarReader } from "../../spec/tar.ts";
import type { TarEntry, TarEvent } from "../../spec/tar-entry.ts";
import { isAligned } from "./internal/chunk-map.ts";
import { encodeMetadata } from "./internal/encode-metadata.ts";
import { BLOCK_BYTES, SUPER_OFFSET } from "./internal/format.ts";
import { LayerModel } from "./internal/layer-model.ts";
import type { LayerNode, Segment } from "./internal/layer-node.ts";
import type { Fd } from "../kernel/fd.ts";
import { callAsync } from "../kernel/syscall.ts";
import { depthOf, parseTarget } from "../tree/entry-path.ts";
import { EntryCounter } from "../tree/entry-counter.ts";
import { Pace } from "../tree/pace.ts";
import type { UnpackOptions, UnpackResult } from "../tree/unpack-options.ts";

/** Where the tar begins in an image: behind the superblock. */
export const layerTarOffset = 4096;
const COPY_BYTES = 1 << 20;

export interface LayerImage extends UnpackResult {
  /** Length of the tar in it, from `layerTarOffset` on. */
  readonly tarBytes: number;
  /** Length of its files and links, hard links once. */
  readonly contentBytes: number;
  readonly root: { readonly uid: number; readonly gid: number; readonly mode: number };
  /** The tar had an entry for the root directory itself. */
  readonly setsRoot: boolean;
  /**
   * False: something in it is not for this format (see encodeMetadata()). Then the file is no image, but the tar is in
   * it.
   */
  readonly isImage: boolean;
}

/**
 * Writes one image layer (an uncompressed tar) into an empty file so that the kernel can mount it: the tar itself, as
 * it comes, and behind it an index of EROFS, which points into it. What it shows, and what is refused, is as with
 * unpackLayer(): see there. Not atomic: the superblock is written last, and after a failure the caller removes the
 * file.
 */
export async function writeLayerImage(
  chunks: AsyncIterable<Uint8Array>,
  file: Fd,
  options: Pick<UnpackOptions, "names" | "limits" | "signal"> = {},
): Promise<LayerImage> {
  return await new ImageWriting(file, options).run(chunks);
}

class ImageWriting {
  readonly #file: Fd;
  readonly #names: NonNullable<UnpackOptions["names"]>;
  readonly #counter: EntryCounter;
  readonly #pace: Pace;
  readonly #model: LayerModel;
  /** Sparse files whose pieces don't lie on blocks. */
  readonly #scattered: LayerNode[] = [];
  #isRootOpaque = false;
  #entry: TarEntry | undefined;
  #node: LayerNode | undefined;
  #end = layerTarOffset;

  constructor(
    file: Fd,
    { names = "strict", limits, signal }: Pick<UnpackOptions, "names" | "limits" | "signal">,
  ) {
    this.#file = file;
    this.#names = names;
    this.#counter = new EntryCounter(limits);
    this.#pace = new Pace(signal);
    this.#model = new LayerModel(names);
  }

  async run(chunks: AsyncIterable<Uint8Array>): Promise<LayerImage> {
    const reader = new TarReader();
    for await (const chunk of chunks) {
      const written = this.#write(chunk, this.#end);
      // Awaited below, possibly after it has failed: that must not be an unhandled rejection.
      written.catch(() => undefined);
      try {
        for (const event of reader.push(chunk)) {
          this.#take(event, chunk);
          if (this.#pace.isDue()) await this.#pace.rest();
        }
      } finally {
        await written; // the chunk is its giver's again
      }
      this.#end += chunk.length;
    }
    reader.end();
    this.#model.end();
    const tarBytes = this.#end - layerTarOffset;
    this.#end = alignUp(this.#end);
    for (const node of this.#scattered) await this.#gather(node);
    const metadata = encodeMetadata(this.#model.root, this.#end);
    if (metadata !== undefined) {
      await this.#write(metadata.bytes, this.#end);
      await this.#write(metadata.superblock, SUPER_OFFSET);
    }
    const { entries, bytes } = this.#counter;
    const { skippedXattrs, setsRoot } = this.#model;
    const isRootOpaque = this.#isRootOpaque;
    const { root } = this.#model;
    return {
      entries,
      bytes,
      skippedXattrs,
      isRootOpaque,
      setsRoot,
      tarBytes,
      root: { uid: root.uid, gid: root.gid, mode: root.mode },
      contentBytes: contentBytesOf(root),
      isImage: metadata !== undefined,
    };
  }

  #take(event: TarEvent, chunk: Uint8Array): void {
    try {
      if (event.kind === "entry") {
        this.#entry = event.entry;
        this.#node = this.#begin(event.entry);
      } else if (this.#node !== undefined && this.#entry !== undefined) {
        if (event.kind === "data") {
          const imageOffset = this.#end + event.bytes.byteOffset - chunk.byteOffset;
          extend(this.#node.segments, { offset: event.offset, length: event.bytes.length, imageOffset });
        } else {
          this.#model.finish(this.#node, this.#entry);
          if (!isAligned(this.#node.segments, this.#node.size)) this.#scattered.push(this.#node);
          this.#node = undefined;
        }
      }
    } catch (thrown) {
      throw within(`cannot unpack ${JSON.stringify(this.#entry?.path)}`, thrown);
    }
  }

  #begin(entry: TarEntry): LayerNode | undefined {
    this.#counter.count(entry);
    const target = parseTarget(entry.path, this.#names);
    if (target.kind === "ignored") return undefined;
    if (target.kind === "link-source" && entry.type !== "file") return undefined;
    if (depthOf(target.path) > this.#counter.limits.depth) {
      throw new Failure("invalid", `it lies more than ${this.#counter.limits.depth} directories deep`);
    }
    for (const name of target.path.split("/")) {
      if (name.length > 85 && encodeBytes(name).length > 255)
        throw new Failure("invalid", "a name in it is longer than 255 bytes");
    }
    if (target.kind === "member" || target.kind === "link-source") return this.#model.add(target.path, entry);
    if (target.kind === "whiteout") {
      this.#model.hide(target.path);
    } else {
      if (target.path === "") this.#isRootOpaque = true;
      this.#model.hideContents(target.path);
    }
    return undefined;
  }

  /** Copies what is scattered behind the tar, each piece to whole blocks of its own. */
  async #gather(node: LayerNode): Promise<void> {
    const gathered: Segment[] = [];
    for (const { offset, length, imageOffset } of node.segments) {
      const last = gathered.at(-1);
      const start = offset - (offset % BLOCK_BYTES);
      const end = Math.min(alignUp(offset + length), node.size);
      const continues = last !== undefined && last.offset + alignUp(last.length) >= start;
      const begin = continues ? last.offset : start;
      const run: Segment = {
        offset: begin,
        length: end - begin,
        imageOffset: continues ? last.imageOffset : this.#end,
      };
      if (continues) gathered.pop();
      gathered.push(run);
      const to = run.imageOffset + offset - begin;
      for (let done = 0; done < length; done += COPY_BYTES) {
        const bytes = new Uint8Array(Math.min(COPY_BYTES, length - done));
        await readFully(this.#file, bytes, imageOffset + done);
        await this.#write(bytes, to + done);
      }
      this.#end = alignUp(run.imageOffset + run.length);
    }
    node.segments = gathered;
  }

  async #write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const piece = bytes.subarray(done);
      done += await callAsync("pwrite64", this.#file, piece, piece.length, at + done);
    }
  }
}

function contentBytesOf(root: LayerNode): number {
  const linked = new Set<LayerNode>();
  const pending = [root];
  let bytes = 0;
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.kind === "directory") pending.push(...node.children.values());
    if (node.links > 1) {
      if (linked.has(node)) continue;
      linked.add(node);
    }
    bytes += node.kind === "symlink" ? encodeBytes(node.target).length : node.size;
  }
  return bytes;
}

async function readFully(file: Fd, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const piece = bytes.subarray(done);
    const read = await callAsync("pread64", file, piece, piece.length, at + done);
    if (read === 0) throw new Failure("internal", "cannot read a layer that was just written");
    done += read;
  }
}

function extend(segments: Segment[], next: Segment): void {
  const last = segments.at(-1);
  if (
    last !== undefined &&
    last.offset + last.length === next.offset &&
    last.imageOffset + last.length === next.imageOffset
  ) {
    segments[segments.length - 1] = { ...last, length: last.length + next.length };
  } else {
    segments.push(next);
  }
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
