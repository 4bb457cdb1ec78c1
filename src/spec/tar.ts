import { Failure } from "../base/failure.ts";
import { required } from "../base/required.ts";
import type { Complete } from "../base/defined.ts";
import { corrupt } from "./tar/corrupt.ts";
import { Extended, type Merged } from "./tar/extended.ts";
import { type Header, isZeroBlock, parseHeader, typeOf } from "./tar/header.ts";
import { checkFragments, parseGnuFragments, parseGnuRealSize, SparseMapReader } from "./tar/sparse.ts";
import { type SparseFragment, TAR_BLOCK_BYTES, type TarEntry, type TarEvent } from "./tar-entry.ts";

export interface TarLimits {
  /** Longest path or link name. */
  readonly nameBytes?: number | undefined;
  /** Longest body of an extended header (PAX, or GNU long name). */
  readonly extendedBytes?: number | undefined;
  readonly sparseFragments?: number | undefined;
}

type State = "header" | "extended" | "fragments" | "map" | "body" | "finished";

/** Where a header block lies: in the chunk itself, or in the reader's own buffer when it was split. */
interface Block {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/**
 * Reads a tar archive that comes in chunks of any size: V7, ustar, star, GNU (long names, base-256 numbers, sparse
 * files) and PAX (extended and global headers, xattrs, sparse 0.0, 0.1, 1.0). Pull all events of push() before the
 * next push(), and call end() after the last; every fault of the archive throws "corrupt", after which the reader is
 * of no use. As in Go's reader (the one that images are made for): sizes of links, directories and devices are
 * ignored, an archive may end at any header, and what follows its end mark is ignored.
 */
export class TarReader {
  readonly #limits: Complete<TarLimits>;
  readonly #extended: Extended = new Extended();
  readonly #split: Uint8Array = new Uint8Array(TAR_BLOCK_BYTES);
  #splitLength = 0;
  #state: State = "header";
  #zeroBlocks = 0;

  #extendedFlag = "";
  #extendedBody: Uint8Array = this.#split;
  #extendedLength = 0;

  #header: Header | undefined;
  #merged: Merged = { xattrs: new Map(), sparse: undefined };
  #fragments: SparseFragment[] = [];
  #map: SparseMapReader | undefined;
  #realSize = 0;

  /** Bytes of the entry that are yet to come, and of its padding. */
  #remaining = 0;
  #padding = 0;
  #offset = 0;
  #fragment = 0;
  #sparse = false;

  constructor({ nameBytes = 65_536, extendedBytes = 1 << 20, sparseFragments = 1 << 18 }: TarLimits = {}) {
    this.#limits = { nameBytes, extendedBytes, sparseFragments };
  }

  /** Yields the entries in the chunk. Data events are views of the chunk: use them before it is overwritten. */
  *push(chunk: Uint8Array): Generator<TarEvent, void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === "finished") return;
      if (this.#state === "extended") {
        at = this.#collect(chunk, at);
      } else if (this.#state === "body") {
        if (this.#remaining > 0) {
          const length = this.#pieceLength(chunk.length - at);
          yield { kind: "data", bytes: chunk.subarray(at, at + length), offset: this.#offset };
          this.#advance(length);
          at += length;
          if (this.#remaining === 0) yield { kind: "end" };
        } else {
          at = this.#skipPadding(chunk.length, at);
        }
      } else {
        const before = at;
        const block = this.#takeBlock(chunk, at);
        at += Math.min(TAR_BLOCK_BYTES - this.#splitLength, chunk.length - before);
        if (block === undefined) {
          this.#splitLength += at - before;
          return;
        }
        this.#splitLength = 0;
        const entry = this.#takeHeaderBlock(block);
        if (entry === undefined) continue;
        yield { kind: "entry", entry };
        this.#state = "body";
        if (this.#remaining === 0) yield { kind: "end" };
        if (this.#remaining + this.#padding === 0) this.#state = "header";
      }
    }
  }

  /** Throws "corrupt" when the archive stopped in the middle of an entry. */
  end(): void {
    const isBetween = this.#state === "header" && this.#splitLength === 0 && !this.#extended.isPending;
    if (this.#state !== "finished" && !isBetween) throw corrupt("it ends in the middle of an entry");
  }

  #takeBlock(chunk: Uint8Array, at: number): Block | undefined {
    if (this.#splitLength === 0 && chunk.length - at >= TAR_BLOCK_BYTES) return { bytes: chunk, at };
    const wanted = Math.min(TAR_BLOCK_BYTES - this.#splitLength, chunk.length - at);
    this.#split.set(chunk.subarray(at, at + wanted), this.#splitLength);
    return this.#splitLength + wanted === TAR_BLOCK_BYTES ? { bytes: this.#split, at: 0 } : undefined;
  }

  /** The entry, once its last header block is there. */
  #takeHeaderBlock({ bytes, at }: Block): TarEntry | undefined {
    if (this.#state === "fragments") {
      const more = parseGnuFragments(bytes, at, this.#fragments, "extension");
      if (this.#fragments.length > this.#limits.sparseFragments) throw corrupt("a sparse map is too long");
      return more ? undefined : this.#sparseEntry();
    }
    if (this.#state === "map") {
      this.#remaining -= TAR_BLOCK_BYTES;
      if (this.#remaining < 0) throw corrupt("a sparse map is longer than its entry");
      const map = required(this.#map);
      if (!map.push(bytes, at)) return undefined;
      this.#fragments = map.fragments();
      return this.#sparseEntry();
    }
    if (isZeroBlock(bytes, at)) {
      if (this.#extended.isPending) throw corrupt("it ends after an extended header");
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#state = "finished";
      return undefined;
    }
    if (this.#zeroBlocks > 0) throw corrupt("an entry follows a lone block of zeros");
    return this.#takeHeader(parseHeader(bytes, at), { bytes, at });
  }

  #takeHeader(header: Header, { bytes, at }: Block): TarEntry | undefined {
    const flag = header.typeFlag;
    if (header.size < 0) throw corrupt("an entry's size is negative");
    if (flag === "x" || flag === "X" || flag === "g" || flag === "L" || flag === "K") {
      this.#beginExtended(header);
      return undefined;
    }
    this.#merged = this.#extended.merge(header);
    this.#header = header;
    const type = typeOf(flag, header.path);
    const hasBody = type === "file" || type === "unknown";
    this.#begin(hasBody ? header.size : 0);
    this.#realSize = this.#remaining;
    if (flag === "S") return this.#beginGnuSparse({ bytes, at });
    if (type === "file" && this.#merged.sparse !== undefined) return this.#beginPaxSparse();
    return this.#entry();
  }

  #begin(stored: number): void {
    this.#remaining = stored;
    this.#padding = (TAR_BLOCK_BYTES - (stored % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
    this.#offset = 0;
    this.#fragment = 0;
    this.#sparse = false;
    this.#fragments = [];
    this.#state = "body";
  }

  #beginGnuSparse({ bytes, at }: Block): TarEntry | undefined {
    this.#realSize = parseGnuRealSize(bytes, at);
    const more = parseGnuFragments(bytes, at, this.#fragments, "header");
    if (!more) return this.#sparseEntry();
    this.#state = "fragments";
    return undefined;
  }

  #beginPaxSparse(): TarEntry | undefined {
    const { realSize, fragments } = required(this.#merged.sparse);
    this.#realSize = realSize;
    if (fragments !== undefined) {
      this.#fragments = fragments;
      return this.#sparseEntry();
    }
    this.#map = new SparseMapReader(this.#limits.sparseFragments);
    this.#state = "map";
    return undefined;
  }

  #sparseEntry(): TarEntry {
    const limit = this.#limits.sparseFragments;
    checkFragments(this.#fragments, { size: this.#realSize, stored: this.#remaining, limit });
    this.#fragments = this.#fragments.filter(({ length }) => length > 0);
    this.#sparse = true;
    this.#offset = this.#fragments[0]?.offset ?? 0;
    return this.#entry();
  }

  #entry(): TarEntry {
    const header = required(this.#header);
    const type = typeOf(header.typeFlag, header.path);
    for (const name of [header.path, header.linkName]) {
      if (name.length > this.#limits.nameBytes) throw corrupt(`a name has ${name.length} bytes`);
    }
    if (header.path === "") throw corrupt("an entry has no name");
    return {
      path: header.path,
      type,
      typeFlag: header.typeFlag,
      mode: header.mode,
      uid: header.uid,
      gid: header.gid,
      userName: header.userName,
      groupName: header.groupName,
      size: type === "file" ? this.#realSize : 0,
      mtime: header.mtime,
      linkName: type === "symlink" || type === "hardlink" ? header.linkName : "",
      major: header.major,
      minor: header.minor,
      xattrs: this.#merged.xattrs,
      sparse: this.#sparse ? this.#fragments : undefined,
    };
  }

  #beginExtended(header: Header): void {
    if (header.size > this.#limits.extendedBytes) {
      throw corrupt(`an extended header has ${header.size} bytes`);
    }
    this.#begin(header.size);
    this.#extendedFlag = header.typeFlag;
    this.#extendedBody = new Uint8Array(header.size);
    this.#extendedLength = 0;
    this.#state = "extended";
    if (header.size === 0) this.#finishExtended();
  }

  #collect(chunk: Uint8Array, at: number): number {
    const missing = this.#extendedBody.length - this.#extendedLength;
    if (missing === 0) return this.#skipPadding(chunk.length, at);
    const length = Math.min(missing, chunk.length - at);
    this.#extendedBody.set(chunk.subarray(at, at + length), this.#extendedLength);
    this.#extendedLength += length;
    if (length === missing) this.#finishExtended();
    return at + length;
  }

  #finishExtended(): void {
    this.#extended.take(this.#extendedFlag, this.#extendedBody);
    if (this.#padding === 0) this.#state = "header";
  }

  #skipPadding(end: number, at: number): number {
    const length = Math.min(this.#padding, end - at);
    this.#padding -= length;
    if (this.#padding === 0) this.#state = "header";
    return at + length;
  }

  /** How much of the chunk belongs together: up to the end of the entry or, in a sparse file, of the fragment. */
  #pieceLength(available: number): number {
    const length = Math.min(available, this.#remaining);
    const fragment = this.#sparse ? this.#fragments[this.#fragment] : undefined;
    return fragment === undefined
      ? length
      : Math.min(length, fragment.offset + fragment.length - this.#offset);
  }

  #advance(length: number): void {
    this.#remaining -= length;
    this.#offset += length;
    const fragment = this.#sparse ? this.#fragments[this.#fragment] : undefined;
    if (fragment === undefined || this.#offset < fragment.offset + fragment.length) {
      if (this.#remaining === 0 && this.#padding === 0) this.#state = "header";
      return;
    }
    this.#fragment += 1;
    this.#offset = this.#fragments[this.#fragment]?.offset ?? 0;
    if (this.#remaining === 0 && this.#padding === 0) this.#state = "header";
  }
}

/** Whether a block of 512 bytes is the header of an entry. */
export function isTarHeader(block: Uint8Array): boolean {
  try {
    parseHeader(block, 0);
    return true;
  } catch (thrown) {
    if (thrown instanceof Failure) return false;
    throw thrown;
  }
}
