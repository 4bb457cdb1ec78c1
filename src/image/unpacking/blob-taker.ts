import { required } from "../../base/required.ts";
import { fault } from "../../base/fault.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { call } from "../../linux/kernel/syscall.ts";
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
    if (this.#store !== undefined) {
      const { fd, from } = this.#store;
      const kept = Math.min(bytes.length, Math.max(0, from - this.#position));
      this.#write(bytes.subarray(kept), { fd, at: this.#position + kept });
    }
    this.#position += bytes.length;
  }

  /** When all was taken. */
  finish(): Digest {
    this.#digest ??= required(this.#digester).finish();
    return this.#digest;
  }

  #write(bytes: Uint8Array, { fd, at }: { readonly fd: number; readonly at: number }): void {
    if (bytes.length === 0) return;
    try {
      for (let done = 0; done < bytes.length; ) {
        const piece = done === 0 ? bytes : bytes.subarray(done);
        done += call("pwrite64", fd, piece, piece.length, at + done);
      }
      fault("blob.part");
    } catch (thrown) {
      throw fileFailure("cannot store a blob", thrown);
    }
  }
}
