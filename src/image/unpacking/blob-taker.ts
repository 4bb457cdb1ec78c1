import { fault } from "../../base/fault.ts";
import { fileFailure } from "../../linux/file-failure.ts";
import { call } from "../../linux/syscall.ts";
import { algorithmOf, type Digest, Digester } from "../../spec/digest.ts";
import type { LayerJob } from "./layer-job.ts";

/** Hashes the pieces of a blob and writes those that its file has not. */
export class BlobTaker {
  readonly #store: LayerJob["store"];
  readonly #digester: Digester | undefined;
  #position = 0;
  #digest: Digest | undefined;

  constructor({ store, blob, isProven }: Pick<LayerJob, "store" | "blob" | "isProven">) {
    this.#store = store;
    this.#digest = isProven ? blob : undefined;
    this.#digester = isProven ? undefined : new Digester(algorithmOf(blob));
  }

  take(bytes: Uint8Array): void {
    this.#digester?.update(bytes);
    if (this.#store !== undefined && this.#position >= this.#store.from) this.#write(bytes, this.#store.fd);
    this.#position += bytes.length;
  }

  /** When all was taken. */
  finish(): Digest {
    this.#digest ??= (this.#digester as Digester).finish();
    return this.#digest;
  }

  #write(bytes: Uint8Array, fd: number): void {
    try {
      for (let at = 0; at < bytes.length; ) {
        const piece = at === 0 ? bytes : bytes.subarray(at);
        at += call("pwrite64", fd, piece, piece.length, this.#position + at);
      }
      fault("blob.part");
    } catch (thrown) {
      throw fileFailure("cannot store a blob", thrown);
    }
  }
}
