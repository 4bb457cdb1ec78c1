import { rm } from "node:fs/promises";
import { fileFailure } from "../../linux/files/file-failure.ts";
import type { Blob } from "./blob.ts";
import { fileChunks } from "./file-chunks.ts";
import { type DraftPaths, nameBlob } from "./name-blob.ts";

/**
 * All of a blob in a file that has no name in the store yet: commit(), or nothing. Who has it disposes of it; that
 * deletes what was not committed.
 */
export class StagedBlob implements AsyncDisposable {
  readonly blob: Blob;
  readonly #paths: DraftPaths;
  #state: "staged" | "committed" | "gone" = "staged";

  constructor(blob: Blob, paths: DraftPaths) {
    this.blob = blob;
    this.#paths = paths;
  }

  /** Where its bytes are, until it is disposed of. */
  get path(): string {
    if (this.#state === "gone") throw new Error("a staged blob was used after its end");
    return this.#state === "committed" ? this.#paths.target(this.blob.digest) : this.#paths.path;
  }

  /** Any number of times, also after commit(). */
  open(): AsyncIterable<Uint8Array> {
    return fileChunks(this.path);
  }

  /**
   * Gives it its name, safe from power loss: file synced, renamed, directory synced. Atomic; idempotent; fine when
   * another one has stored the same meanwhile.
   */
  async commit(): Promise<Blob> {
    if (this.#state === "committed") return this.blob;
    try {
      await nameBlob(this.#paths, this.blob);
    } catch (thrown) {
      throw fileFailure(`cannot store blob ${this.blob.digest}`, thrown);
    }
    this.#state = "committed";
    return this.blob;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "staged") await rm(this.#paths.path, { force: true });
    this.#state = "gone";
  }
}
