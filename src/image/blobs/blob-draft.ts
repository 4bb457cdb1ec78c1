import { constants, type FileHandle, open, rename, rm, stat } from "node:fs/promises";
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
  /** Not deleted when it is given up. */
  #isKept = false;
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

  /** Goes on with what an earlier draft left at the same place; see replay(). */
  static async resume(places: DraftPlaces, options: DraftOptions = {}): Promise<BlobDraft> {
    const draft = new BlobDraft(
      await open(places.path, constants.O_RDWR | constants.O_CREAT, 0o600),
      places,
      options,
    );
    draft.#isKept = true;
    return draft;
  }

  /**
   * First of all, for a draft that was resumed: gives what is there, and hashes it. Writing goes on behind it. What is longer than
   * expected can't be right, and counts as nothing.
   */
  async *replay(): AsyncGenerator<Uint8Array, void, undefined> {
    const { expected } = this.#options;
    const { size } = await this.#file.stat();
    if (expected?.size !== undefined && size > expected.size) await this.#file.truncate(0);
    const buffer = Buffer.allocUnsafe(flightBytes);
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#size);
      if (bytesRead === 0) break;
      const piece = Buffer.from(buffer.subarray(0, bytesRead));
      this.#digester.update(piece);
      this.#size += bytesRead;
      this.#written = this.#size;
      yield piece;
    }
  }

  /** Whether an earlier draft left something; asked before replay(). */
  async hasPart(): Promise<boolean> {
    return (await this.#file.stat()).size > 0;
  }

  /** Bytes that were written or replayed. */
  get size(): number {
    return this.#size;
  }

  /** What is there turned out to be wrong: nothing of it is kept. */
  discard(): void {
    this.#isKept = false;
  }

  /** The bytes must not change any more. Hashes now, writes while the next ones come. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length;
    const { expected, maxBytes } = this.#options;
    if (expected?.size !== undefined && this.#size > expected.size) {
      this.discard();
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
      this.discard();
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
    const target = this.#target(blob.digest);
    try {
      if (await hasSize(target, blob.size)) {
        await rm(this.#path, { force: true });
      } else {
        await syncPath(this.#path);
        fault("blob.synced");
        await rename(this.#path, target);
        fault("blob.named");
        await syncPath(dirname(target));
      }
    } catch (thrown) {
      throw fileFailure(`cannot store blob ${blob.digest}`, thrown);
    }
    this.#state = "committed";
    return blob;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "gone") return;
    if (this.#isKept && this.#state === "open") await this.#launch().catch(() => undefined);
    await this.#flight.catch(() => undefined);
    if (this.#state === "open") await this.#file.close().catch(() => undefined);
    const isKept = this.#isKept && this.#state === "open" && this.#size > 0;
    if (this.#state !== "committed" && !isKept) await rm(this.#path, { force: true });
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
      if (this.#isKept) fault("blob.part");
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
