import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Writes a log as the keeper does, for tests of the reader. */
export class LogWriter implements Disposable {
  readonly #directory: string;
  readonly #files: number;
  #sequence: bigint;
  #fd: number;

  constructor(directory: string, options: { readonly files?: number; readonly sequence?: bigint } = {}) {
    this.#directory = directory;
    this.#files = options.files ?? 3;
    this.#sequence = options.sequence ?? 1n;
    this.#fd = this.#create();
  }

  write(stream: 1 | 2, payload: Uint8Array, timeNs = 1n): void {
    writeSync(this.#fd, LogWriter.record(stream, payload, timeNs));
  }

  writeRaw(bytes: Uint8Array): void {
    writeSync(this.#fd, bytes);
  }

  rotate(): void {
    closeSync(this.#fd);
    const at = (index: number): string => join(this.#directory, `log.${index}`);
    rmSync(at(this.#files - 1), { force: true });
    for (let index = this.#files - 2; index >= 0; index--) {
      if (existsSync(at(index))) renameSync(at(index), at(index + 1));
    }
    this.#sequence++;
    this.#fd = this.#create();
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #create(): number {
    const fd = openSync(join(this.#directory, "log.0"), "wx", 0o600);
    const header = Buffer.alloc(16);
    header.write("TARELOG1", "latin1");
    header.writeBigUInt64LE(this.#sequence, 8);
    writeSync(fd, header);
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
