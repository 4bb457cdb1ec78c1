import { required } from "../../base/required.ts";
import { type FileHandle, open, rm } from "node:fs/promises";
import { Failure } from "../../base/failure.ts";
import { isAllZeros } from "../../base/zeros.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { type Digest, type DigestAlgorithm, Digester } from "../../spec/digest.ts";
import type { Blob } from "./blob.ts";
import type { DraftPaths } from "./name-blob.ts";
import { StagedBlob } from "./staged-blob.ts";

export interface DraftOptions {
  readonly algorithm?: DigestAlgorithm | undefined;
  /** The expected blob; writing stops when the content is longer. */
  readonly expected?:
    | { readonly digest?: Digest | undefined; readonly size?: number | undefined }
    | undefined;
  /** Beyond this it is refused, "invalid". */
  readonly maxBytes?: number | undefined;
}

const flightBytes = 1024 * 1024;

/**
 * Content on its way into the store: write(), then finish(), then either commit() or nothing.
 * Who opened it disposes of it; that deletes what was not committed.
 */
export class BlobDraft implements AsyncDisposable {
  readonly #paths: DraftPaths;
  readonly #options: DraftOptions;
  readonly #digester: Digester;
  readonly #file: FileHandle;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #flight: Promise<void> = Promise.resolve();
  #size = 0;
  #staged: StagedBlob | undefined;
  #isGone = false;
  /** Bytes that are in the file, holes included. */
  #written = 0;
  #endsWithHole = false;

  private constructor(file: FileHandle, paths: DraftPaths, options: DraftOptions) {
    this.#file = file;
    this.#paths = paths;
    this.#options = options;
    this.#digester = new Digester(options.algorithm);
  }

  static async create(paths: DraftPaths, options: DraftOptions = {}): Promise<BlobDraft> {
    return new BlobDraft(await open(paths.path, "wx", 0o600), paths, options);
  }

  /** The bytes must not change any more. Hashes now, writes while the next ones come. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length;
    const { expected, maxBytes } = this.#options;
    if (expected?.size !== undefined && this.#size > expected.size) {
      throw new Failure(
        "corrupt",
        `cannot store a blob: it is longer than the ${expected.size} bytes announced`,
      );
    }
    if (maxBytes !== undefined && this.#size > maxBytes) {
      throw new Failure("invalid", `cannot store a blob: it is longer than ${maxBytes} bytes`);
    }
    this.#digester.update(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= flightBytes) await this.#launch();
  }

  /** All is written: checks digest and size. Throws "corrupt" when they are not as expected. Idempotent. */
  async finish(): Promise<Blob> {
    if (this.#staged !== undefined) return this.#staged.blob;
    await this.#launch();
    await this.#flight;
    if (this.#endsWithHole) await this.#extend();
    const digest = this.#digester.finish();
    const { expected } = this.#options;
    if (expected?.size !== undefined && expected.size !== this.#size) {
      throw new Failure(
        "corrupt",
        `cannot store a blob: it has ${this.#size} bytes instead of ${expected.size}`,
      );
    }
    if (expected?.digest !== undefined && expected.digest !== digest) {
      throw new Failure("corrupt", `cannot store blob ${expected.digest}: its content has digest ${digest}`);
    }
    await this.#file.close(); // any number of finished drafts may wait for their commit
    this.#staged = new StagedBlob(Object.freeze({ digest, size: this.#size }), this.#paths);
    return this.#staged.blob;
  }

  /** After finish(). It is still the draft's, which disposes of it. */
  get staged(): StagedBlob {
    if (this.#staged === undefined) throw new Error("a draft was used before finish()");
    return this.#staged;
  }

  /** finish(), then StagedBlob.commit(). */
  async commit(): Promise<Blob> {
    await this.finish();
    return await this.staged.commit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    await this.#flight.catch(() => undefined);
    if (this.#staged !== undefined) return await this.#staged[Symbol.asyncDispose]();
    await this.#file.close().catch(() => undefined);
    await rm(this.#paths.path, { force: true });
  }

  async #launch(): Promise<void> {
    await this.#flight;
    const pieces = this.#waiting;
    const total = this.#waitingBytes;
    if (total === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#flight = this.#writeAll(pieces, total);
    this.#flight.catch(() => undefined); // thrown by the next to await it
  }

  async #extend(): Promise<void> {
    try {
      await this.#file.truncate(this.#size);
    } catch (thrown) {
      throw fileFailure("cannot store a blob", thrown);
    }
  }

  /**
   * Writes zeros as a hole: the layer of a container with a large sparse file needs no more disk space than the file.
   */
  async #writeAll(pieces: readonly Uint8Array[], total: number): Promise<void> {
    this.#endsWithHole = total >= flightBytes && pieces.every(isAllZeros);
    if (this.#endsWithHole) {
      this.#written += total;
      return;
    }
    try {
      const bytes = pieces.length === 1 ? required(pieces[0]) : Buffer.concat(pieces, total);
      for (let written = 0; written < total; ) {
        const { bytesWritten } = await this.#file.write(bytes, written, total - written, this.#written);
        written += bytesWritten;
        this.#written += bytesWritten;
      }
    } catch (thrown) {
      throw fileFailure("cannot store a blob", thrown);
    }
  }
}
