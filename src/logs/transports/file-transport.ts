import { closeSync, fstatSync, statSync, writeSync } from "node:fs";
import { type Failure, sentenceOf } from "../../base/failure.ts";
import { openLogFile } from "../open-log-file.ts";
import { type LogTransport, receiverLost } from "./log-transport.ts";

/**
 * Appends to a regular file, which is created when it is absent. After a rename, or when the file was removed, the next
 * pieces go into a new file at the path.
 */
export class FileTransport implements LogTransport {
  readonly #path: string;
  #fd: number;
  #failure: Failure | undefined;

  /** Throws when the directory does not exist, or something that is no regular file is at the path. */
  constructor(path: string) {
    this.#path = path;
    this.#fd = openLogFile(path);
  }

  async send(pieces: readonly Uint8Array[]): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      if (!this.#isCurrent()) {
        const next = openLogFile(this.#path);
        closeSync(this.#fd);
        this.#fd = next;
      }
      const bytes = Buffer.concat(pieces);
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
      return 0;
    } catch (thrown) {
      this.#failure = receiverLost(`the log file cannot be written: ${sentenceOf(thrown)}`);
      throw this.#failure;
    }
  }

  findFailure(): Failure | undefined {
    return this.#failure;
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
    this.#failure ??= receiverLost("the log file was closed");
  }

  #isCurrent(): boolean {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    const own = fstatSync(this.#fd);
    return found !== undefined && found.ino === own.ino && found.dev === own.dev;
  }
}
