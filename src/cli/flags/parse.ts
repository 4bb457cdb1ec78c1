import { sentenceOf } from "../../base/failure.ts";
import { type Flag, flagFailure, type FlagTable, shownFlags, type TableOf } from "./flag.ts";
import { suggest } from "./suggest.ts";

export interface Parsed<Values = Readonly<Record<string, unknown>>> {
  /** By long name, each flag of the table present. */
  readonly values: Values;
  /** Long names that were on the command line. */
  readonly given: ReadonlySet<string>;
  readonly positional: readonly string[];
  /** `--help` was seen; what follows it was not read. */
  readonly wantsHelp: boolean;
}

export interface ParseOptions {
  /** "first": options end at the first argument (run, create, exec); "start": there are none (compose). */
  readonly optionsEnd?: "dashes" | "first" | "start" | undefined;
}

/**
 * Reads a command line as Docker's own parser does: `-it`, `-p80:80`, `--flag value`, `--flag=value`,
 * `--rm=false`, `--`. Throws flagFailure() in Docker's words.
 */
export function parseFlags<Values>(
  table: TableOf<Values>,
  argv: readonly string[],
  { optionsEnd = "dashes" }: ParseOptions = {},
): Parsed<Values> {
  const reader = new Reader(table as FlagTable, argv);
  if (optionsEnd === "start") reader.takeRest();
  while (!reader.isAtEnd && !reader.wantsHelp) {
    const word = reader.next();
    if (word === "--") reader.takeRest();
    else if (word.startsWith("--")) reader.readLong(word);
    else if (word.startsWith("-") && word !== "-") reader.readShorts(word.slice(1));
    else {
      reader.positional.push(word);
      if (optionsEnd === "first") reader.takeRest();
    }
  }
  const { given, positional, wantsHelp } = reader;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each value comes from its flag of the table
  return { values: reader.values as Values, given, positional, wantsHelp };
}

class Reader {
  readonly values: Record<string, unknown> = {};
  readonly given: Set<string> = new Set();
  readonly positional: string[] = [];
  wantsHelp = false;
  readonly #table: FlagTable;
  readonly #argv: readonly string[];
  #index = 0;

  constructor(table: FlagTable, argv: readonly string[]) {
    this.#table = table;
    this.#argv = argv;
    for (const [name, flag] of Object.entries(table)) this.values[name] = flag.initial;
  }

  get isAtEnd(): boolean {
    return this.#index >= this.#argv.length;
  }

  next(): string {
    return this.#argv[this.#index++] ?? "";
  }

  takeRest(): void {
    this.positional.push(...this.#argv.slice(this.#index));
    this.#index = this.#argv.length;
  }

  readLong(word: string): void {
    const at = word.indexOf("=");
    const name = at === -1 ? word.slice(2) : word.slice(2, at);
    if (name === "" || name.startsWith("-")) throw flagFailure(`bad flag syntax: ${word}`);
    const [known, flag] = this.#find(name);
    if (flag === undefined) {
      if (name !== "help") {
        const known = shownFlags(this.#table).map(([each]) => each);
        const near = suggest(name, known);
        throw flagFailure(
          `unknown flag: --${name}${near === undefined ? "" : `\nDid you mean "--${near}"?`}`,
        );
      }
      this.wantsHelp = true;
    } else if (at !== -1) this.#set(known, flag, word.slice(at + 1));
    else if (flag.type === "") this.#set(known, flag, "true");
    else if (this.isAtEnd) throw flagFailure(`flag needs an argument: --${name}`);
    else this.#set(known, flag, this.next());
  }

  readShorts(letters: string): void {
    let rest = letters;
    while (rest !== "" && !this.wantsHelp) {
      const letter = String.fromCodePoint(rest.codePointAt(0) ?? 0);
      const after = rest.slice(letter.length);
      const [name, flag] = this.#findBy(({ short }) => short === letter);
      if (flag === undefined) {
        if (letter !== "h") throw flagFailure(`unknown shorthand flag: '${letter}' in -${rest}`);
        this.wantsHelp = true;
      } else if (after.startsWith("=") && after.length > 1) return this.#set(name, flag, after.slice(1));
      else if (flag.type === "") this.#set(name, flag, "true");
      else if (after !== "") return this.#set(name, flag, after);
      else if (this.isAtEnd) throw flagFailure(`flag needs an argument: '${letter}' in -${rest}`);
      else this.#set(name, flag, this.next());
      rest = after;
    }
  }

  #find(name: string): readonly [string, Flag<unknown> | undefined] {
    if (Object.hasOwn(this.#table, name)) return [name, this.#table[name]];
    return this.#findBy(({ also }) => also?.includes(name) === true);
  }

  /** Looked for when it is asked for: most command lines have few such names, and tables have many flags. */
  #findBy(isIt: (flag: Flag<unknown>) => boolean): readonly [string, Flag<unknown> | undefined] {
    for (const [name, flag] of Object.entries(this.#table)) if (isIt(flag)) return [name, flag];
    return ["", undefined];
  }

  #set(name: string, flag: Flag<unknown>, text: string): void {
    try {
      this.values[name] = flag.add(text, this.values[name]);
    } catch (thrown) {
      const names = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
      throw flagFailure(
        `invalid argument ${JSON.stringify(text)} for "${names}" flag: ${sentenceOf(thrown)}`,
      );
    }
    this.given.add(name);
  }
}
