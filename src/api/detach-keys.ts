import { Failure } from "../base/failure.ts";

/** ctrl-p, ctrl-q */
export const defaultDetachKeys: Uint8Array = Uint8Array.of(0x10, 0x11);

/**
 * The bytes of a sequence such as `ctrl-p,ctrl-q`, `ctrl-],a`: single characters and ctrl with a letter or one of
 * `@ [ \ ] ^ _`. Undefined or empty text is the default. Throws Failure("invalid").
 */
export function parseDetachKeys(text: string | undefined): Uint8Array {
  if (text === undefined || text === "") return defaultDetachKeys;
  return Uint8Array.from(text.split(","), (key) => {
    const control = /^ctrl-([@a-z[\\\]^_])$/i.exec(key)?.[1];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new Failure(
      "invalid",
      `cannot read detach keys "${text.slice(0, 100)}": unknown character: '${key.slice(0, 20)}'`,
    );
  });
}

/** Looks for the detach keys in what is typed. A beginning of them is held back until it is known what it becomes. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What goes to the program, and whether the keys were there (what follows them is dropped). */
  push(bytes: Uint8Array): { readonly pass: Uint8Array; readonly isDetached: boolean } {
    const pass: number[] = [];
    for (const byte of bytes) {
      if (byte !== this.#keys[this.#matched]) {
        pass.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#keys[this.#matched]) pass.push(byte);
      else if (++this.#matched === this.#keys.length) {
        this.#matched = 0;
        return { pass: Uint8Array.from(pass), isDetached: true };
      }
    }
    return { pass: Uint8Array.from(pass), isDetached: false };
  }

  /** What was held back, when nothing more comes. */
  flush(): Uint8Array {
    const held = this.#keys.slice(0, this.#matched);
    this.#matched = 0;
    return held;
  }
}
