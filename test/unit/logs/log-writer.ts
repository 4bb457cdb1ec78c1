import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const blockBytes = 256 * 1024;

/** Writes a log as the keeper does, for tests of the reader. */
export class LogWriter implements Disposable {
  readonly #directory: string;
  readonly #files: number;
  #hasBlocks: boolean;
  #sequence: bigint;
  #fd: number;
  #bytes = 0;
  #open = 0;

  /** Without `blocks`, the first file is one of Tare 0.1. */
  constructor(
    directory: string,
    options: { readonly files?: number; readonly sequence?: bigint; readonly blocks?: boolean } = {},
  ) {
    this.#directory = directory;
    this.#files = options.files ?? 3;
    this.#hasBlocks = options.blocks ?? true;
    this.#sequence = options.sequence ?? 1n;
    this.#fd = this.#create();
  }

  write(stream: 1 | 2, payload: Uint8Array, timeNs = 1n): void {
    for (const piece of this.pieces(stream, payload, timeNs)) this.writeRaw(piece);
  }

  /** Records, and padding before them: what write() writes. No record crosses the end of a block. */
  pieces(stream: 1 | 2, payload: Uint8Array, timeNs = 1n): readonly Buffer[] {
    const space = this.#hasBlocks ? blockBytes - (this.#bytes % blockBytes) : Number.POSITIVE_INFINITY;
    if (space <= 16) return [Buffer.alloc(space), this.#record(stream, payload, timeNs)];
    if (space >= 16 + payload.length) return [this.#record(stream, payload, timeNs)];
    return [
      this.#record(stream, payload.subarray(0, space - 16), timeNs),
      this.#record(stream, payload.subarray(space - 16), timeNs),
    ];
  }

  writeRaw(bytes: Uint8Array): void {
    this.#bytes += writeSync(this.#fd, bytes);
  }

  rotate(): void {
    closeSync(this.#fd);
    const at = (index: number): string => join(this.#directory, `log.${index}`);
    rmSync(at(this.#files - 1), { force: true });
    for (let index = this.#files - 2; index >= 0; index--) {
      if (existsSync(at(index))) renameSync(at(index), at(index + 1));
    }
    this.#sequence++;
    this.#hasBlocks = true;
    this.#fd = this.#create();
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #record(stream: 1 | 2, payload: Uint8Array, timeNs: bigint): Buffer {
    const record = LogWriter.record(stream, payload, timeNs);
    record.writeUInt8(this.#hasBlocks ? this.#open : 0, 5);
    this.#open = payload.at(-1) === 10 ? this.#open & ~stream : this.#open | stream;
    return record;
  }

  #create(): number {
    const fd = openSync(join(this.#directory, "log.0"), "wx", 0o600);
    const header = Buffer.alloc(16);
    header.write(this.#hasBlocks ? "TARELOG2" : "TARELOG1", "latin1");
    header.writeBigUInt64LE(this.#sequence, 8);
    this.#bytes = writeSync(fd, header);
    return fd;
  }

  static record(stream: 1 | 2, payload: Uint8Array, timeNs: bigint): Buffer {
    const record = Buffer.alloc(16 + payload.length);
    record.writeUInt32LE(payload.length, 0);
    record[4] = stream;
    record.writeBigUInt64LE(timeNs, 8);
    record.set(payload, 16);
    return record;
  }
}
