import { Failure, sentenceOf } from "../../base/failure.ts";
import type { EscapeToken } from "./dockerfile-types.ts";
import { quote, whiteSpace } from "./go-text.ts";
import { replaceAll, replaceFirst, trimPrefix, trimSuffix } from "./shell-pattern.ts";

export interface ExpandOptions {
  /** Value of a variable; undefined for one that is not set. */
  readonly lookup: (name: string) => string | undefined;
  readonly escape?: EscapeToken | undefined;
  /** Quotes stay in the text. */
  readonly keepQuotes?: boolean | undefined;
  /** Escape characters stay in the text. */
  readonly keepEscapes?: boolean | undefined;
  /** References to variables that are not set stay in the text. */
  readonly keepUnset?: boolean | undefined;
  /** Quotes are characters like others: contents of here-documents. */
  readonly ignoreQuotes?: boolean | undefined;
}

/** A word after expansion, and the names of the variables that it referred to. */
export interface ExpandedWord {
  readonly text: string;
  readonly used: ReadonlySet<string>;
  /** Names that were not set. */
  readonly unmatched: ReadonlySet<string>;
}

/** Bound of one word's length after expansion, in UTF-16 code units. */
const maxLength = 2 ** 20;
/** Bound of `${…}` in `${…}`. */
const maxDepth = 100;

/**
 * Expands variables in one word and removes its quotes, as BuildKit does for ENV, LABEL, ADD, COPY, WORKDIR, USER,
 * VOLUME, STOPSIGNAL, ARG, FROM and options of RUN --mount. White space stays as it is. Throws Failure("invalid").
 */
export function expandWord(word: string, options: ExpandOptions): ExpandedWord {
  const lexer = new Lexer(word, options);
  const { text } = lexer.expand();
  return { text, used: lexer.used, unmatched: lexer.unmatched };
}

/**
 * Expands variables and splits the result at white space that is not quoted, as EXPOSE does. Throws Failure("invalid").
 */
export function expandWords(word: string, options: ExpandOptions): readonly string[] {
  return new Lexer(word, options).expand().words;
}

/** Collects the words of a text that is read character by character. */
class WordSplitter {
  readonly words: string[] = [];
  #word = "";

  add(text: string): void {
    for (const char of text) {
      if (!whiteSpace.test(char)) this.#word += char;
      else this.#end();
    }
  }

  addQuoted(text: string): void {
    this.#word += text;
  }

  end(): readonly string[] {
    this.#end();
    return this.words;
  }

  #end(): void {
    if (this.#word !== "") this.words.push(this.#word);
    this.#word = "";
  }
}

interface Expanded {
  readonly text: string;
  readonly words: readonly string[];
}

class Lexer {
  readonly used = new Set<string>();
  readonly unmatched = new Set<string>();
  readonly #source: string;
  readonly #chars: readonly string[];
  readonly #options: ExpandOptions;
  readonly #escape: string;
  #at = 0;
  #depth = 0;
  #keepEscapes: boolean;

  constructor(source: string, options: ExpandOptions) {
    this.#source = source;
    this.#chars = [...source];
    this.#options = options;
    this.#escape = options.escape ?? "\\";
    this.#keepEscapes = options.keepEscapes ?? false;
  }

  expand(): Expanded {
    try {
      return this.#readUntil(undefined, this.#keepEscapes);
    } catch (thrown) {
      throw new Failure("invalid", `failed to process ${quote(this.#source)}: ${sentenceOf(thrown)}`, {
        cause: thrown,
      });
    }
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string | undefined {
    return this.#chars[this.#at++];
  }

  /** Reads to a character, which it skips, or to the end. */
  #readUntil(stop: string | undefined, keepEscapes: boolean): Expanded {
    const outer = this.#keepEscapes;
    this.#keepEscapes = keepEscapes;
    if (++this.#depth > maxDepth) throw new Failure("invalid", "substitutions are nested too deeply");
    const words = new WordSplitter();
    let text = "";
    for (;;) {
      const char = this.#peek();
      if (char === stop) break;
      if (char === undefined)
        throw new Failure("invalid", `unexpected end of statement while looking for matching ${stop}`);
      const special = this.#readSpecial(char);
      if (special !== undefined) {
        text += special;
        if (char === "$") words.add(special);
        else words.addQuoted(special);
      } else {
        this.#at++;
        if (char === this.#escape) {
          if (this.#keepEscapes) {
            words.addQuoted(char);
            text += char;
          }
          const escaped = this.#next();
          if (escaped === undefined) continue;
          words.addQuoted(escaped);
          text += escaped;
        } else {
          words.add(char);
          text += char;
        }
      }
      if (text.length > maxLength)
        throw new Failure("invalid", `the result is longer than ${maxLength} characters`);
    }
    this.#at++;
    this.#depth--;
    this.#keepEscapes = outer;
    return { text, words: words.end() };
  }

  #readSpecial(char: string): string | undefined {
    if (char === "$") return this.#readDollar();
    if (char === "<") return this.#readHeredocOperator();
    if (this.#options.ignoreQuotes === true) return undefined;
    if (char === "'") return this.#readSingleQuoted();
    return char === '"' ? this.#readDoubleQuoted() : undefined;
  }

  /** `<<` and the white space behind it belong to the word. */
  #readHeredocOperator(): string {
    this.#at++;
    if (this.#peek() !== "<") return "<";
    this.#at++;
    let text = "<<";
    for (let char = this.#peek(); char === " " || char === "\t" || char === "\r"; char = this.#peek()) {
      text += char;
      this.#at++;
    }
    return text;
  }

  #readSingleQuoted(): string {
    const end = this.#chars.indexOf("'", this.#at + 1);
    if (end === -1)
      throw new Failure("invalid", "unexpected end of statement while looking for matching single-quote");
    const text = this.#chars.slice(this.#at + 1, end).join("");
    this.#at = end + 1;
    return this.#options.keepQuotes === true ? `'${text}'` : text;
  }

  #readDoubleQuoted(): string {
    this.#at++;
    let text = "";
    for (;;) {
      const char = this.#peek();
      if (char === undefined)
        throw new Failure("invalid", "unexpected end of statement while looking for matching double-quote");
      if (char === "$") {
        text += this.#readDollar();
        if (text.length > maxLength)
          throw new Failure("invalid", `the result is longer than ${maxLength} characters`);
        continue;
      }
      this.#at++;
      if (char === '"') return this.#options.keepQuotes === true ? `"${text}"` : text;
      if (char !== this.#escape) {
        text += char;
        continue;
      }
      if (this.#keepEscapes) text += char;
      const escaped = this.#peek();
      if (escaped === undefined) continue;
      if (escaped === '"' || escaped === "$" || escaped === this.#escape) {
        text += escaped;
        this.#at++;
      } else text += char;
    }
  }

  #readDollar(): string {
    this.#at++;
    if (this.#peek() !== "{") {
      const name = this.#readName();
      if (name === "") return "$";
      return this.#find(name) ?? (this.#options.keepUnset === true ? `$${name}` : "");
    }
    this.#at++;
    const first = this.#peek();
    if (first === undefined) throw new Failure("invalid", "syntax error: missing '}'");
    if (first === "{" || first === "}" || first === ":")
      throw new Failure("invalid", "syntax error: bad substitution");
    const name = this.#readName();
    const operator = this.#next();
    if (operator === "}") return this.#find(name) ?? (this.#options.keepUnset === true ? `\${${name}}` : "");
    if (operator === "/") return this.#readReplacement(name);
    if (operator === ":") return this.#readOperation(name, this.#next(), true);
    return this.#readOperation(name, operator, false);
  }

  /** `${name:-word}` and its siblings, from behind the operator. */
  #readOperation(name: string, operator: string | undefined, emptyIsUnset: boolean): string {
    const written = `${emptyIsUnset ? ":" : ""}${operator ?? "\uFFFD"}`;
    const trims = operator === "#" || operator === "%";
    const known = trims || operator === "+" || operator === "-" || operator === "?";
    if (emptyIsUnset ? trims : !known) throw unsupportedModifier(written);
    const word = this.#readPart("}", trims, "syntax error: missing '}'");
    const value = this.#find(name);
    if (value === undefined && this.#options.keepUnset === true) return `\${${name}${written}${word}}`;
    const missing = value === undefined || (emptyIsUnset && value === "");
    switch (operator) {
      case "-":
        return missing ? word : value;
      case "+":
        return missing ? "" : word;
      case "?": {
        if (!missing) return value;
        const reason = value === undefined ? "is not allowed to be unset" : "is not allowed to be empty";
        throw new Failure("invalid", `${name}: ${word === "" ? reason : word}`);
      }
      case "#":
      case "%": {
        const longest = word.startsWith(operator);
        const pattern = longest ? word.slice(1) : word;
        return operator === "#"
          ? trimPrefix(value ?? "", pattern, longest)
          : trimSuffix(value ?? "", pattern, longest);
      }
      default:
        throw unsupportedModifier(written);
    }
  }

  /** `${name/pattern/replacement}`, from behind the first slash. */
  #readReplacement(name: string): string {
    const all = this.#peek() === "/";
    if (all) this.#at++;
    const pattern = this.#readPart("/", true, "syntax error: missing '/' in ${}");
    const replacement = this.#readPart("}", true, "syntax error: missing '}'");
    const value = this.#find(name);
    if (value === undefined && this.#options.keepUnset === true)
      return `\${${name}/${pattern}/${replacement}}`;
    return (all ? replaceAll : replaceFirst)(value ?? "", pattern, replacement);
  }

  #readPart(stop: string, keepEscapes: boolean, missing: string): string {
    try {
      return this.#readUntil(stop, keepEscapes).text;
    } catch (thrown) {
      throw this.#peek() === undefined && this.#depth <= maxDepth ? new Failure("invalid", missing) : thrown;
    }
  }

  /** A name, digits, or one special character; "" for none. */
  #readName(): string {
    const first = this.#peek();
    if (first !== undefined && /^[@*#?\-$!0]$/.test(first) && !/^\p{Nd}$/u.test(first)) {
      this.#at++;
      return first;
    }
    const allowed = first !== undefined && /^\p{Nd}$/u.test(first) ? /^\p{Nd}$/u : /^[\p{L}\p{Nd}_]$/u;
    let name = "";
    for (let char = first; char !== undefined && allowed.test(char); char = this.#peek()) {
      name += char;
      this.#at++;
    }
    return name;
  }

  #find(name: string): string | undefined {
    const value = this.#options.lookup(name);
    (value === undefined ? this.unmatched : this.used).add(name);
    return value;
  }
}

function unsupportedModifier(written: string): Failure {
  return new Failure("invalid", `unsupported modifier (${written}) in substitution`);
}
