/** What is wrong with a text that is no JSON document, in the words of Go's encoding/json, which clients compare. */
export type JsonFault =
  | { readonly kind: "malformed"; readonly message: string }
  /** A whole value, and something else behind it. */
  | { readonly kind: "trailing" };

const endOfText = "unexpected EOF";
const literals: Readonly<Record<string, string>> = { t: "true", f: "false", n: "null" };

/** Reads the first value of a text that JSON.parse() has refused. Keeps no stack: a list of open brackets. */
export function findJsonFault(text: string): JsonFault {
  try {
    new Scanner(text).value();
  } catch (thrown) {
    if (thrown instanceof Malformed) return { kind: "malformed", message: thrown.message };
    throw thrown;
  }
  return { kind: "trailing" };
}

class Malformed extends Error {}

class Scanner {
  readonly #text: string;
  readonly #open: ("{" | "[")[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Goes over one value. Throws Malformed. */
  value(): void {
    if (this.#next() === undefined) throw new Malformed("EOF");
    for (;;) {
      if (this.#begin()) continue;
      if (this.#closeAll()) return;
    }
  }

  /** Goes over a scalar, an empty object or list, or what comes before the first value in one: then it is true. */
  #begin(): boolean {
    const first = this.#next();
    if (first === "{" || first === "[") {
      this.#at++;
      if (this.#next() === (first === "{" ? "}" : "]")) {
        this.#at++;
        return false;
      }
      this.#open.push(first);
      if (first === "{") this.#key();
      return true;
    }
    if (first === '"') this.#string();
    else if (first !== undefined && /[-0-9]/.test(first)) this.#number();
    else this.#literal(first);
    return false;
  }

  /** Behind a value: closes what ends here. True when nothing is open any more, false when one more value follows. */
  #closeAll(): boolean {
    for (;;) {
      const open = this.#open.at(-1);
      if (open === undefined) return true;
      const next = this.#next();
      if (next === (open === "{" ? "}" : "]")) {
        this.#at++;
        this.#open.pop();
        continue;
      }
      if (next !== ",")
        throw this.#unexpected(open === "{" ? "after object key:value pair" : "after array element");
      this.#at++;
      this.#next();
      if (open === "{") this.#key();
      return false;
    }
  }

  #key(): void {
    if (this.#next() !== '"') throw this.#unexpected("looking for beginning of object key string");
    this.#string();
    if (this.#next() !== ":") throw this.#unexpected("after object key");
    this.#at++;
  }

  #string(): void {
    for (this.#at++; ; this.#at++) {
      const character = this.#here();
      if (character === '"') break;
      if (character === undefined || character < " ") throw this.#unexpected("in string literal");
      if (character === "\\") this.#escape();
    }
    this.#at++;
  }

  #escape(): void {
    this.#at++;
    const kind = this.#here();
    if (kind === undefined || !'bfnrt\\/"u'.includes(kind)) throw this.#unexpected("in string escape code");
    if (kind !== "u") return;
    for (let digits = 0; digits < 4; digits++) {
      this.#at++;
      if (!/[0-9a-fA-F]/.test(this.#here() ?? ""))
        throw this.#unexpected("in \\u hexadecimal character escape");
    }
  }

  #number(): void {
    if (this.#here() === "-") this.#at++;
    if (this.#here() === "0") this.#at++;
    else this.#digits("in numeric literal");
    if (this.#here() === ".") {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (!/[eE]/.test(this.#here() ?? "")) return;
    this.#at++;
    if (/[-+]/.test(this.#here() ?? "")) this.#at++;
    this.#digits("in exponent of numeric literal");
  }

  #digits(where: string): void {
    if (!/[0-9]/.test(this.#here() ?? "")) throw this.#unexpected(where);
    while (/[0-9]/.test(this.#here() ?? "")) this.#at++;
  }

  #literal(first: string | undefined): void {
    const word = first === undefined ? undefined : literals[first];
    if (word === undefined) throw this.#unexpected("looking for beginning of value");
    for (const letter of word) {
      if (this.#here() !== letter) throw this.#unexpected(`in literal ${word} (expecting '${letter}')`);
      this.#at++;
    }
  }

  #here(): string | undefined {
    return this.#text[this.#at];
  }

  /** Goes to the next character that is no space. */
  #next(): string | undefined {
    while (/[ \t\r\n]/.test(this.#here() ?? "")) this.#at++;
    return this.#here();
  }

  #unexpected(where: string): Malformed {
    const character = this.#here();
    return new Malformed(
      character === undefined ? endOfText : `invalid character ${quoteCharacter(character)} ${where}`,
    );
  }
}

function quoteCharacter(character: string): string {
  if (character === "'") return String.raw`'\''`;
  return character === '"' ? `'"'` : `'${JSON.stringify(character).slice(1, -1)}'`;
}
