/** A name and its value. */
export type JsonMember = readonly [string, unknown];

/** Objects that have a name more than once: all of their members, as they were written. */
const repeating = new WeakMap<object, readonly JsonMember[]>();

/**
 * The members of an object in their order. Of one that parseRepeatedNames() made, each time that a name comes: Go's
 * encoding/json reads them one after the other, and JSON.parse() keeps the last value in the first place.
 */
export function membersOf(object: object): readonly JsonMember[] {
  return repeating.get(object) ?? Object.entries(object);
}

/** How many members the objects of a value have. Recurses: for values of bounded depth. */
export function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const item of Object.values(value)) count += countMembers(item);
  return count;
}

/**
 * As JSON.parse() of a text that this accepts, but membersOf() gives names that come again. Recurses as well, and takes
 * longer.
 */
export function parseRepeatedNames(text: string): unknown {
  return new Reader(text).value();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): unknown {
    switch (this.#next()) {
      case "{":
        return this.#object();
      case "[":
        return this.#list();
      case '"':
        return this.#string();
      default:
        return this.#literal();
    }
  }

  #object(): object {
    const members: JsonMember[] = [];
    for (let end = this.#open("}"); !end; end = this.#close()) {
      this.#next();
      const name = this.#string();
      this.#next();
      this.#at++; // the colon
      members.push([name, this.value()]);
    }
    // SAFETY: fromEntries() defines members, so that a name __proto__ is a name as any other.
    const object = Object.fromEntries(members);
    if (Object.keys(object).length < members.length) repeating.set(object, members);
    return object;
  }

  #list(): readonly unknown[] {
    const items: unknown[] = [];
    for (let end = this.#open("]"); !end; end = this.#close()) items.push(this.value());
    return items;
  }

  /** Goes over an opening bracket. Whether the closing one follows at once: then over that, too. */
  #open(closing: string): boolean {
    this.#at++;
    if (this.#next() !== closing) return false;
    this.#at++;
    return true;
  }

  /** Goes over the comma or closing bracket behind an item. Whether it was the bracket. */
  #close(): boolean {
    const isComma = this.#next() === ",";
    this.#at++;
    return !isComma;
  }

  #string(): string {
    const from = this.#at++;
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === "\\" ? 2 : 1;
    const key: string = JSON.parse(this.#text.slice(from, ++this.#at));
    return key;
  }

  #literal(): unknown {
    const from = this.#at;
    while (this.#at < this.#text.length && !/[\s,\]}]/.test(this.#text[this.#at] ?? "")) this.#at++;
    return JSON.parse(this.#text.slice(from, this.#at));
  }

  /** The next character that is no space. */
  #next(): string | undefined {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
    return this.#text[this.#at];
  }
}
