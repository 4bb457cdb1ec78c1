import { TarReader } from "./tar.ts";

/** A tar in pieces: the content of whole files by their names, all else as it is. */
export type TarPiece =
  | { readonly kind: "raw"; readonly bytes: Uint8Array }
  /** `path` as in the archive; `bytes` long. */
  | { readonly kind: "file"; readonly path: string; readonly bytes: number };

/** Splits a tar that comes in chunks. Sparse files stay as they are: their holes are not in the archive. */
export class TarSplitter {
  readonly #reader: TarReader = new TarReader();
  #current: { readonly path: string; readonly bytes: number } | undefined;
  #isBegun = false;

  /** Raw pieces are views of the chunk: use them before it is overwritten. */
  *push(chunk: Uint8Array): Generator<TarPiece, void> {
    let rawFrom = 0;
    for (const event of this.#reader.push(chunk)) {
      if (event.kind === "entry") {
        const { type, sparse, size, path } = event.entry;
        this.#isBegun = false;
        this.#current =
          type === "file" && sparse === undefined && size > 0 ? { path, bytes: size } : undefined;
      } else if (event.kind === "data" && this.#current !== undefined) {
        const at = event.bytes.byteOffset - chunk.byteOffset;
        if (at > rawFrom) yield { kind: "raw", bytes: chunk.subarray(rawFrom, at) };
        if (!this.#isBegun) yield { kind: "file", ...this.#current };
        this.#isBegun = true;
        rawFrom = at + event.bytes.length;
      }
    }
    if (rawFrom < chunk.length) yield { kind: "raw", bytes: chunk.subarray(rawFrom) };
  }

  /** Throws "corrupt" when the archive stopped in the middle of an entry. */
  end(): void {
    this.#reader.end();
  }
}
