import type { LineAssembler } from "./line-assembler.ts";
import { fileHeaderBytes, type LogFile, recordHeaderBytes } from "./log-file.ts";

const CHUNK_BYTES = 256 * 1024;

/** A place in one file, which moves on as records are read. */
export class LogPosition {
  readonly file: LogFile;
  /** Of the next record. */
  offset: number;
  /** The following bytes are no record: this file contains no further entries. */
  isCorrupt = false;
  readonly #limit: number;

  constructor(
    file: LogFile,
    {
      offset = fileHeaderBytes,
      limit = Number.POSITIVE_INFINITY,
    }: { readonly offset?: number | undefined; readonly limit?: number | undefined } = {},
  ) {
    this.file = file;
    this.offset = this.#skipPadding(offset);
    this.#limit = limit;
  }

  /**
   * Gives the assembler up to one chunk of whole records; false when there is none (yet). `chunkBytes` is more than the
   * largest record.
   */
  async advance(
    assembler: LineAssembler,
    { chunkBytes = CHUNK_BYTES }: { readonly chunkBytes?: number | undefined } = {},
  ): Promise<boolean> {
    if (this.isCorrupt) return false;
    const available = Math.min(this.file.sizeBytes(), this.#limit) - this.offset;
    if (available <= 0) return false;
    // A fresh buffer each time: entries are views into it.
    const buffer = Buffer.allocUnsafeSlow(Math.min(available, chunkBytes, this.#bytesInBlock(this.offset)));
    const length = await this.file.read(buffer, this.offset);
    const { used, corrupt } = assembler.push(buffer.subarray(0, length));
    const end = this.offset + used;
    this.offset = this.#skipPadding(end);
    // Padding of 16 bytes is as long as a header.
    this.isCorrupt = corrupt && this.offset === end;
    return used > 0;
  }

  #bytesInBlock(offset: number): number {
    return this.file.blockBytes - (offset % this.file.blockBytes);
  }

  /** No record fits into so few bytes before the end of a block. */
  #skipPadding(offset: number): number {
    const bytes = this.#bytesInBlock(offset);
    return bytes > recordHeaderBytes ? offset : offset + bytes;
  }
}
