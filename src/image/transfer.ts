import { formatByteSize } from "../base/byte-size.ts";
import type { Blob } from "./blobs/blob.ts";

/** Counts what of some blobs goes over the wire. */
export class Transfer {
  readonly #needed: readonly Blob[];
  readonly #moved = new Map<Blob["digest"], number>();

  /** Each blob once. */
  constructor(needed: readonly Blob[]) {
    this.#needed = needed;
  }

  add({ digest }: Pick<Blob, "digest">, bytes: number): void {
    this.#moved.set(digest, (this.#moved.get(digest) ?? 0) + bytes);
  }

  /** `Fetched 12MB of 340MB: the rest was there` */
  describe(verb: "Fetched" | "Sent"): string {
    let [needed, once, twice] = [0, 0, 0];
    for (const { digest, size } of this.#needed) {
      const moved = this.#moved.get(digest) ?? 0;
      needed += size;
      once += Math.min(moved, size);
      twice += Math.max(0, moved - size);
    }
    const whole = `${verb} ${formatByteSize(once + twice)} of ${formatByteSize(needed)}`;
    const why = [
      ...(twice > 0 ? [`${formatByteSize(twice)} of it a second time`] : []),
      ...(once < needed ? ["the rest was there"] : []),
    ];
    return why.length === 0 ? whole : `${whole}: ${why.join(", ")}`;
  }
}
