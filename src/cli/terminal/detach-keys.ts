import { Failure } from "../../base/failure.ts";

/** Docker's: control-p, then control-q. */
export const defaultDetachKeys = "ctrl-p,ctrl-q";

const controlCodes: Readonly<Record<string, number>> = { "@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, _: 31 };

/** The bytes of a sequence like `ctrl-p,ctrl-q` or `a,b`. Throws Failure("invalid"). */
export function parseDetachKeys(text: string): Uint8Array {
  return Uint8Array.from(
    text.split(",").map((key) => {
      if (/^[\x21-\x7e]$/.test(key)) return key.charCodeAt(0);
      const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1]?.toLowerCase();
      if (control === undefined)
        throw new Failure("invalid", `cannot read detach keys "${text}": unknown key "${key}"`);
      return controlCodes[control] ?? control.charCodeAt(0) - 96;
    }),
  );
}

/** What a piece of input becomes: the bytes to pass on, and whether the sequence was completed in it. */
export interface Filtered {
  readonly bytes: Uint8Array;
  readonly isDetached: boolean;
}

/**
 * Looks for the detach keys in typed input. A beginning of the sequence is held back until it is clear whether
 * it goes on; when it does not, it is passed on whole.
 */
export class DetachFilter {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  push(piece: Uint8Array): Filtered {
    const passed: number[] = [];
    for (const byte of piece) {
      if (byte === this.#keys[this.#matched]) {
        if (++this.#matched === this.#keys.length) {
          this.#matched = 0;
          return { bytes: Uint8Array.from(passed), isDetached: true };
        }
        continue;
      }
      this.#giveUp(byte, passed);
    }
    return { bytes: Uint8Array.from(passed), isDetached: false };
  }

  /** The bytes held back did not lead to the sequence; the longest end of them may begin it anew. */
  #giveUp(byte: number, passed: number[]): void {
    const held = [...this.#keys.subarray(0, this.#matched), byte];
    let kept = this.#matched;
    while (kept > 0 && !this.#begins(held.slice(held.length - kept))) kept--;
    passed.push(...held.slice(0, held.length - kept));
    this.#matched = kept;
  }

  #begins(bytes: readonly number[]): boolean {
    return bytes.every((byte, index) => byte === this.#keys[index]);
  }
}
