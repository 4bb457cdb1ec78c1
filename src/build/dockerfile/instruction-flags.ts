import { Failure } from "../../base/failure.ts";
import { cut } from "./go-text.ts";
import { didYouMean } from "./suggest-name.ts";

/** Flags of an instruction: a boolean, one text, or a text each time. */
export type FlagKinds = Readonly<Record<string, "boolean" | "text" | "texts">>;

/** Parses `--name=value` words with BuildKit's rules and messages. Throws Failure("invalid"). */
export class InstructionFlags<Kinds extends FlagKinds> {
  readonly #kinds: Kinds;
  readonly #booleans = new Map<string, boolean>();
  readonly #texts = new Map<string, string>();
  readonly #lists = new Map<string, string[]>();

  constructor(kinds: Kinds, words: readonly string[]) {
    this.#kinds = kinds;
    for (const word of words) this.#add(word);
  }

  boolean(name: keyof Kinds & string): boolean | undefined {
    return this.#booleans.get(name);
  }

  text(name: keyof Kinds & string): string | undefined {
    return this.#texts.get(name);
  }

  texts(name: keyof Kinds & string): readonly string[] {
    return this.#lists.get(name) ?? [];
  }

  #add(word: string): void {
    if (!word.startsWith("--")) throw new Failure("invalid", `arg should start with -- : ${word}`);
    const [flag, value] = cut(word, "=");
    const name = flag.slice(2);
    const kind = Object.hasOwn(this.#kinds, name) ? this.#kinds[name] : undefined;
    if (kind === undefined)
      throw new Failure("invalid", `unknown flag: ${flag}${didYouMean(name, Object.keys(this.#kinds))}`);
    if (this.#booleans.has(name) || this.#texts.has(name))
      throw new Failure("invalid", `duplicate flag specified: ${flag}`);
    if (kind === "boolean") {
      this.#booleans.set(name, parseBoolean(flag, value));
      return;
    }
    if (value === undefined) throw new Failure("invalid", `missing a value on flag: ${flag}`);
    if (kind === "text") this.#texts.set(name, value);
    else this.#lists.set(name, [...this.texts(name), value]);
  }
}

function parseBoolean(flag: string, value: string | undefined): boolean {
  if (value === "") throw new Failure("invalid", `missing a value on flag: ${flag}`);
  const lower = value?.toLowerCase();
  if (lower === undefined || lower === "true") return true;
  if (lower === "false") return false;
  throw new Failure("invalid", `expecting boolean value for flag ${flag}, not: ${value}`);
}
