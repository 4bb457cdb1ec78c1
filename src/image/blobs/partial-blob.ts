import { constants, type FileHandle, open, rm } from "node:fs/promises";
import { Failure } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import type { Digest } from "../../spec/digest.ts";
import type { Blob } from "./blob.ts";
import { type DraftPaths, nameBlob } from "./name-blob.ts";

const pieceBytes = 1024 * 1024;

/**
 * A known blob on its way into the store, which goes on with what an earlier one left at the same place, and leaves
 * what it has to the next one. Others hash and write: replay(), then whatever is written behind that through `fd`, then
 * commit() or nothing. Who opened it disposes of it.
 */
export class PartialBlob implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #paths: DraftPaths;
  readonly #expected: Blob;
  /** Bytes that an earlier one left. */
  readonly keptBytes: number;
  #synced: Promise<void> | undefined;
  #state: "open" | "discarded" | "committed" = "open";

  private constructor(
    file: FileHandle,
    {
      paths,
      expected,
      keptBytes,
    }: { readonly paths: DraftPaths; readonly expected: Blob; readonly keptBytes: number },
  ) {
    this.#file = file;
    this.#paths = paths;
    this.#expected = expected;
    this.keptBytes = keptBytes;
  }

  /** A file that is longer than expected is invalid and counts as empty. */
  static async open(paths: DraftPaths, expected: Blob): Promise<PartialBlob> {
    const file = await open(paths.path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const { size } = await file.stat();
      const keptBytes = size > expected.size ? 0 : size;
      if (size > expected.size) await file.truncate(0);
      return new PartialBlob(file, { paths, expected, keptBytes });
    } catch (thrown) {
      await file.close().catch(() => undefined);
      throw thrown;
    }
  }

  /** Open until it is disposed of. */
  get fd(): Fd {
    return this.#file.fd;
  }

  /** The bytes that were kept; each piece is given away. */
  async *replay(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < this.keptBytes; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, this.keptBytes - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Failure("corrupt", "cannot store a blob: what was kept of it is gone");
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** Starts to flush the written data, concurrently with the work before commit(). */
  beginSync(): void {
    this.#synced ??= this.#file.sync();
    this.#synced.catch(() => undefined); // commit() throws it
  }

  /** The content proved to be wrong: discards all of it. */
  discard(): void {
    this.#state = "discarded";
  }

  /**
   * All is written, and has this digest: gives it its name, safe from power loss. Atomic; fine when another one has
   * stored the same meanwhile. Throws "corrupt" when it is not what was expected.
   */
  async commit(found: Digest): Promise<void> {
    const { digest, size } = this.#expected;
    if (found !== digest) {
      this.discard();
      throw new Failure("corrupt", `cannot store blob ${digest}: its content has digest ${found}`);
    }
    try {
      const stat = await this.#file.stat();
      if (stat.size !== size) {
        this.discard();
        throw new Failure("corrupt", `cannot store a blob: it has ${stat.size} bytes instead of ${size}`);
      }
      this.beginSync();
      await nameBlob(this.#paths, this.#expected, { sync: () => this.#synced ?? Promise.resolve() });
    } catch (thrown) {
      throw fileFailure(`cannot store blob ${digest}`, thrown);
    }
    this.#state = "committed";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#synced?.catch(() => undefined); // never close under it
    const isEmpty = (await this.#file.stat().catch(() => undefined))?.size === 0;
    await this.#file.close().catch(() => undefined);
    if (this.#state === "discarded" || (this.#state === "open" && isEmpty)) {
      await rm(this.#paths.path, { force: true });
    }
  }
}
