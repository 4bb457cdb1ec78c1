import { Failure } from "../../base/failure.ts";

/** ctrl-p, ctrl-q */
export const defaultDetachKeys: Uint8Array = Uint8Array.of(0x10, 0x11);

/**
 * The bytes of a sequence such as `ctrl-p,ctrl-q`, `ctrl-],a`: single characters, `DEL`, and ctrl with a letter or one
 * of `@ [ \ ] ^ _`. Undefined or empty text is the default. Throws Failure("invalid") in dockerd's words, which calls
 * those of an exec "escape keys".
 */
export function parseDetachKeys(
  text: string | undefined,
  { called = "detach" }: { readonly called?: "detach" | "escape" | undefined } = {},
): Uint8Array {
  if (text === undefined || text === "") return defaultDetachKeys;
  return Uint8Array.from(text.split(","), (key) => {
    const control = /^ctrl-([@a-z[\\\]^_])$/i.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (key === "DEL") return 0x7f;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new Failure("invalid", `Invalid ${called} keys (${text.slice(0, 100)}) provided`);
  });
}

/**
 * Looks for the detach keys in typed input. A beginning of them is held back until it is clear whether they follow;
 * when they do not, it is passed on.
 */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array = defaultDetachKeys) {
    this.#keys = keys;
  }

  /** The bytes for the program, and whether the keys were found (the bytes after them are dropped). */
  push(bytes: Uint8Array): { readonly pass: Uint8Array; readonly isDetached: boolean } {
    const pass: number[] = [];
    for (const byte of bytes) {
      if (byte !== this.#keys[this.#matched]) this.#restart(byte, pass);
      else if (++this.#matched === this.#keys.length) {
        this.#matched = 0;
        return { pass: Uint8Array.from(pass), isDetached: true };
      }
    }
    return { pass: Uint8Array.from(pass), isDetached: false };
  }

  /** The bytes held back, when no more input follows. */
  flush(): Uint8Array {
    const held = this.#keys.slice(0, this.#matched);
    this.#matched = 0;
    return held;
  }

  /** The bytes held back were not the keys; the longest end of them may begin the keys again. */
  #restart(byte: number, pass: number[]): void {
    const held = [...this.#keys.subarray(0, this.#matched), byte];
    let kept = this.#matched;
    while (kept > 0 && !this.#begins(held.slice(held.length - kept))) kept--;
    pass.push(...held.slice(0, held.length - kept));
    this.#matched = kept;
  }

  #begins(bytes: readonly number[]): boolean {
    return bytes.every((byte, index) => byte === this.#keys[index]);
  }
}
