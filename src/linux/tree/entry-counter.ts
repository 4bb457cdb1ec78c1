import { type Complete, mergeDefined } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import type { TarEntry } from "../../spec/tar-entry.ts";
import type { UnpackLimits } from "./unpack-options.ts";

/** Each fragment of a sparse file takes a block of the disk, however short it is. */
const BLOCK_BYTES = 4096;

export const defaultLimits: Complete<UnpackLimits> = {
  entries: 2_000_000,
  totalBytes: 2 ** 40,
  fileBytes: 2 ** 44,
  depth: 1024,
};

/** Refuses bombs before anything of them is written. */
export class EntryCounter {
  entries = 0;
  bytes = 0;
  readonly limits: Complete<UnpackLimits>;

  constructor(limits: UnpackLimits | undefined) {
    this.limits = mergeDefined(defaultLimits, limits);
  }

  /** Throws "invalid" for the first entry that is too much. */
  count(entry: TarEntry): void {
    this.entries += 1;
    if (this.entries > this.limits.entries) {
      throw new Failure("invalid", `the layer has more than ${this.limits.entries} entries`);
    }
    if (entry.size > this.limits.fileBytes) {
      throw new Failure("invalid", `it is larger than ${this.limits.fileBytes} bytes`);
    }
    if (entry.sparse === undefined) this.bytes += entry.size;
    else for (const { length } of entry.sparse) this.bytes += Math.max(length, BLOCK_BYTES);
    if (this.bytes > this.limits.totalBytes) {
      throw new Failure("invalid", `the layer has more than ${this.limits.totalBytes} bytes`);
    }
  }
}
