import { Failure } from "../../base/failure.ts";
import type { EscapeToken, NameValue } from "./dockerfile-types.ts";
import { cut, quote, trimSpace, trimStart, whiteSpace } from "./go-text.ts";

/** An instruction as words: what each keyword makes of the text behind it. */
export interface SplitLine {
  /** Keyword as written. */
  readonly written: string;
  /** Flags in front of the words, `--name=value`, without quotes. */
  readonly flags: readonly string[];
  readonly words: readonly string[];
  /** The words were a JSON array. */
  readonly json: boolean;
  /** Pairs of ENV and LABEL. */
  readonly pairs: readonly NameValue[];
  /** The text behind the flags. */
  readonly rest: string;
}

type Words = Pick<SplitLine, "words"> & Partial<SplitLine>;
type Splitter = (rest: string, escape: EscapeToken) => Words;

const blanks = /[\t\v\f\r ]+/;

const splitters = new Map<string, Splitter>([
  ["add", splitList],
  ["arg", (rest, escape) => ({ words: splitQuoted(rest, escape) })],
  ["cmd", splitCommandLine],
  ["copy", splitList],
  ["entrypoint", splitCommandLine],
  ["env", (rest, escape) => splitPairs(rest, "ENV", escape)],
  ["expose", (rest) => ({ words: splitBlanks(rest) })],
  ["from", (rest) => ({ words: splitBlanks(rest) })],
  ["healthcheck", splitHealthcheck],
  ["label", (rest, escape) => splitPairs(rest, "LABEL", escape)],
  ["maintainer", splitWhole],
  ["onbuild", splitWhole],
  ["run", splitCommandLine],
  ["shell", splitCommandLine],
  ["stopsignal", splitWhole],
  ["user", splitWhole],
  ["volume", splitList],
  ["workdir", splitWhole],
]);

/** The keywords of the language, in upper case. */
export const keywords: readonly string[] = [...splitters.keys()].map((keyword) => keyword.toUpperCase());

/** Splits one instruction, its continuations joined, into keyword, flags and words. Throws Failure("invalid"). */
export function splitLine(line: string, escape: EscapeToken): SplitLine {
  const trimmed = trimSpace(line);
  const gap = blanks.exec(trimmed);
  const written = gap === null ? trimmed : trimmed.slice(0, gap.index);
  const behind = gap === null ? "" : trimmed.slice(gap.index + gap[0].length);
  const { flags, rest: untrimmed } = takeFlags(behind, escape);
  const rest = trimSpace(untrimmed);
  const split = splitters.get(written.toLowerCase());
  return { json: false, pairs: [], ...(split?.(rest, escape) ?? { words: [] }), written, flags, rest };
}

/** The flags in front of an instruction's words. `--` ends them; quotes and escape characters are removed. */
function takeFlags(
  line: string,
  escape: EscapeToken,
): { readonly flags: readonly string[]; readonly rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && whiteSpace.test(line.charAt(at))) at++;
    if (!line.startsWith("--", at)) return { flags, rest: line.slice(at) };
    let word = "";
    let isQuoted = false;
    let inQuote = "";
    for (; at < line.length; at++) {
      const char = line.charAt(at);
      if (inQuote === "" && whiteSpace.test(char)) break;
      if (inQuote === "" && (char === "'" || char === '"')) {
        inQuote = char;
        isQuoted = true;
      } else if (char === inQuote) inQuote = "";
      else if (char === escape) word += line.charAt(++at);
      else word += char;
    }
    if (word === "--") return { flags, rest: line.slice(at) };
    if (isQuoted || word !== "") flags.push(word);
  }
}

/** Words between white space; quotes join them and stay, as do escape characters. */
function splitQuoted(rest: string, escape: EscapeToken): readonly string[] {
  const words: string[] = [];
  let word = "";
  let isQuoted = false;
  let inQuote = "";
  const end = () => {
    if (isQuoted || word !== "") words.push(word);
    word = "";
    isQuoted = false;
  };
  for (let at = 0; at < rest.length; at++) {
    const char = rest.charAt(at);
    if (inQuote === "" && whiteSpace.test(char)) {
      end();
      continue;
    }
    if (inQuote === "" && (char === "'" || char === '"')) {
      inQuote = char;
      isQuoted = true;
    } else if (char === inQuote) inQuote = "";
    else if (char === escape && inQuote !== "'") {
      // At the end of the line an escape character is dropped.
      if (at + 1 < rest.length) word += char + rest.charAt(++at);
      continue;
    }
    word += char;
  }
  end();
  return words;
}

function splitPairs(rest: string, keyword: string, escape: EscapeToken): Words {
  const words = splitQuoted(rest, escape);
  const [first] = words;
  if (first === undefined) return { words };
  if (!first.includes("=")) {
    const gap = blanks.exec(rest);
    if (gap === null) throw new Failure("invalid", `${keyword} must have two arguments`);
    const value = rest.slice(gap.index + gap[0].length);
    return { words, pairs: [{ name: rest.slice(0, gap.index), value, legacy: true }] };
  }
  const pairs = words.map((word): NameValue => {
    const [name, value] = cut(word, "=");
    if (value === undefined)
      throw new Failure(
        "invalid",
        `Syntax error - can't find = in ${quote(word)}. Must be of the form: name=value`,
      );
    return { name, value, legacy: false };
  });
  return { words, pairs };
}

function splitWhole(rest: string): Words {
  return { words: rest === "" ? [] : [rest] };
}

function splitBlanks(rest: string): readonly string[] {
  return rest === "" ? [] : rest.split(blanks);
}

function splitCommandLine(rest: string): Words {
  return findJsonWords(rest) ?? splitWhole(rest);
}

function splitList(rest: string): Words {
  return findJsonWords(rest) ?? { words: splitBlanks(rest) };
}

function splitHealthcheck(rest: string): Words {
  const gap = /\p{White_Space}+/u.exec(rest);
  const type = gap === null ? rest : rest.slice(0, gap.index);
  if (type === "") return { words: [] };
  const command = splitCommandLine(gap === null ? "" : rest.slice(gap.index + gap[0].length));
  return { ...command, words: [type, ...command.words] };
}

/** Texts of a JSON array; undefined for anything else, which is then not JSON. Throws for an array of other values. */
function findJsonWords(rest: string): Words | undefined {
  if (!trimStart(rest).startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(rest);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const words = value.map((word: unknown) => {
    if (typeof word !== "string")
      throw new Failure("invalid", "when using JSON array syntax, arrays must be comprised of strings only");
    return word.toWellFormed();
  });
  return { words, json: true };
}
