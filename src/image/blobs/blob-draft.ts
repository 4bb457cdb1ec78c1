import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { type Digest, type DigestAlgorithm, Digester } from "../../spec/digest.ts";
import { fileChunks } from "./file-chunks.ts";
import { fileFailure } from "../../linux/file-failure.ts";

export interface Blob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface DraftOptions {
  readonly algorithm?: DigestAlgorithm;
  /** What it has to turn out to be; a longer one is stopped while it is written. */
  readonly expected?: { readonly digest?: Digest; readonly size?: number };
  /** Beyond this it is refused, "invalid". */
  readonly maxBytes?: number;
}

const flightBytes = 1024 * 1024;

/**
 * Content on its way into the store: write(), then finish(), then either commit() or nothing.
 * Who opened it disposes of it; that deletes what was not committed.
 */
export class BlobDraft implements AsyncDisposable {
  readonly #path: string;
  readonly #target: (digest: Digest) => string;
  readonly #options: DraftOptions;
  readonly #digester: Digester;
  readonly #file: FileHandle;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #flight: Promise<void> = Promise.resolve();
  #size = 0;
  #state: "open" | "finished" | "committed" | "gone" = "open";
  #blob: Blob | undefined;
  /** Bytes that are in the file. */
  #written = 0;

  private constructor(file: FileHandle, places: DraftPlaces, options: DraftOptions) {
    this.#file = file;
    this.#path = places.path;
    this.#target = places.target;
    this.#options = options;
    this.#digester = new Digester(options.algorithm);
  }

  static async create(places: DraftPlaces, options: DraftOptions = {}): Promise<BlobDraft> {
    return new BlobDraft(await open(places.path, "wx", 0o600), places, options);
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
    if (this.#blob !== undefined) return this.#blob;
    await this.#launch();
    await this.#flight;
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
    this.#state = "finished";
    this.#blob = Object.freeze({ digest, size: this.#size });
    return this.#blob;
  }

  /** After finish(). */
  get blob(): Blob {
    if (this.#blob === undefined) throw new Error("a draft was used before finish()");
    return this.#blob;
  }

  /** What was written, after finish(); any number of times, also after commit(). */
  open(): AsyncIterable<Uint8Array> {
    if (this.#blob === undefined || this.#state === "gone")
      throw new Error("a draft was read before finish()");
    return fileChunks(this.#state === "committed" ? this.#target(this.#blob.digest) : this.#path);
  }

  /**
   * Gives it its name, safe from power loss: file synced, renamed, directory synced. Atomic; idempotent; fine when
   * another one has stored the same meanwhile.
   */
  async commit(): Promise<Blob> {
    const blob = await this.finish();
    if (this.#state === "committed") return blob;
    try {
      await nameBlob({ path: this.#path, target: this.#target }, blob);
    } catch (thrown) {
      throw fileFailure(`cannot store blob ${blob.digest}`, thrown);
    }
    this.#state = "committed";
    return blob;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "gone") return;
    await this.#flight.catch(() => undefined);
    if (this.#state === "open") await this.#file.close().catch(() => undefined);
    if (this.#state !== "committed") await rm(this.#path, { force: true });
    this.#state = "gone";
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

  async #writeAll(pieces: readonly Uint8Array[], total: number): Promise<void> {
    try {
      const bytes = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces, total);
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

export interface DraftPlaces {
  /** A new file in the same file system as the targets. */
  readonly path: string;
  readonly target: (digest: Digest) => string;
}

/** Gives a whole file its name as a blob: file synced, renamed, directory synced. Atomic; fine when that is there already. */
export async function nameBlob(
  { path, target: targetOf }: DraftPlaces,
  { digest, size }: Blob,
): Promise<void> {
  const target = targetOf(digest);
  if (await hasSize(target, size)) {
    await rm(path, { force: true });
    return;
  }
  await syncPath(path);
  fault("blob.synced");
  await rename(path, target);
  fault("blob.named");
  await syncPath(dirname(target));
}

/** fsync(2) of a file or directory. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function hasSize(path: string, size: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.size === size;
}
