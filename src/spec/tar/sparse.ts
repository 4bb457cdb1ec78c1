import { type SparseFragment, TAR_BLOCK_BYTES } from "../tar-entry.ts";
import { corrupt } from "./corrupt.ts";
import { parseDecimal, parseNumber } from "./numbers.ts";

// Four formats name the fragments of a sparse file. SPEC: GNU tar manual, "Storing Sparse Files".

const ENTRY_BYTES = 24;
const HEADER_ENTRIES = { from: 386, count: 4, more: 482, realSize: 483 } as const;
const EXTENSION_ENTRIES = { from: 0, count: 21, more: 504 } as const;

/** Old GNU format: fragments in the header block and in extension blocks. True when another extension block follows. */
export function parseGnuFragments(
  block: Uint8Array,
  at: number,
  into: SparseFragment[],
  source: "header" | "extension",
): boolean {
  const layout = source === "header" ? HEADER_ENTRIES : EXTENSION_ENTRIES;
  for (let index = 0; index < layout.count; index++) {
    const from = at + layout.from + index * ENTRY_BYTES;
    if (block[from] === 0 || block[from + 12] === 0) break;
    const offset = parseNumber(block, from, 12, "sparse offset");
    const length = parseNumber(block, from + 12, 12, "sparse length");
    into.push({ offset, length });
  }
  return block[at + layout.more] !== 0;
}

/** Old GNU format: the length of the file with its holes. */
export function parseGnuRealSize(block: Uint8Array, at: number): number {
  return parseNumber(block, at + HEADER_ENTRIES.realSize, 12, "real size");
}

/** PAX 0.0 and 0.1: `offset,length,offset,length…`. */
export function parseFragmentList(numbers: readonly string[]): SparseFragment[] {
  if (numbers.length === 1 && numbers[0] === "") return [];
  if (numbers.length % 2 !== 0) throw corrupt("a sparse map ends within a fragment");
  const fragments: SparseFragment[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    fragments.push({
      offset: parseDecimal(numbers[at] ?? "", "a sparse offset"),
      length: parseDecimal(numbers[at + 1] ?? "", "a sparse length"),
    });
  }
  return fragments;
}

/**
 * PAX 1.0: the map stands before the contents, as lines of decimals (count, then offset and length of each), padded
 * to whole blocks. Fed block by block; `done` once the map is complete.
 */
export class SparseMapReader {
  readonly #limit: number;
  readonly #numbers: number[] = [];
  #digits = "";
  #wanted = 1;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True when this block was the last of the map. */
  push(block: Uint8Array, at: number): boolean {
    for (let index = at; index < at + TAR_BLOCK_BYTES; index++) {
      const byte = block[index] ?? 0;
      if (byte !== 0x0a) {
        if (this.#digits.length >= 16) throw corrupt("a number in a sparse map is too long");
        this.#digits += String.fromCharCode(byte);
        continue;
      }
      this.#take(parseDecimal(this.#digits, "a sparse map"));
      if (this.#numbers.length === this.#wanted) return true;
    }
    return false;
  }

  #take(number: number): void {
    this.#digits = "";
    if (this.#numbers.length === 0) {
      if (number > this.#limit) throw corrupt(`a sparse map has ${number} fragments`);
      this.#wanted = 1 + number * 2;
    }
    this.#numbers.push(number);
  }

  fragments(): SparseFragment[] {
    const fragments: SparseFragment[] = [];
    for (let at = 1; at < this.#numbers.length; at += 2) {
      fragments.push({ offset: this.#numbers[at] ?? 0, length: this.#numbers[at + 1] ?? 0 });
    }
    return fragments;
  }
}

/** Throws "corrupt" unless the fragments ascend, lie within the file and hold exactly the stored bytes. */
export function checkFragments(
  fragments: readonly SparseFragment[],
  { size, stored, limit }: { readonly size: number; readonly stored: number; readonly limit: number },
): void {
  if (fragments.length > limit) throw corrupt(`a sparse map has ${fragments.length} fragments`);
  let end = 0;
  let sum = 0;
  for (const { offset, length } of fragments) {
    if (offset < end || length < 0) throw corrupt("the fragments of a sparse map overlap");
    end = offset + length;
    sum += length;
    if (end > size) throw corrupt("a sparse map reaches beyond the end of the file");
  }
  if (sum !== stored) throw corrupt(`a sparse map names ${sum} bytes, but ${stored} are stored`);
}

/** The map of format 1.0 with its padding, for a file of `size` bytes. */
export function encodeSparseMap(fragments: readonly SparseFragment[], size: number): Uint8Array {
  // GNU tar creates a hole at the end of a file only with an empty fragment there.
  const whole = [...fragments, { offset: size, length: 0 }];
  const lines = [whole.length, ...whole.flatMap(({ offset, length }) => [offset, length])];
  const text = Buffer.from(`${lines.join("\n")}\n`, "latin1");
  const map = new Uint8Array(Math.ceil(text.length / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES);
  map.set(text);
  return map;
}
