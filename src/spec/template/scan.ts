import { positionOf, templateFailure } from "./failure.ts";

export type TokenKind =
  | "field"
  | "variable"
  | "dot"
  | "word"
  | "number"
  | "character"
  | "string"
  | "raw-string"
  | "="
  | ":="
  | "|"
  | ","
  | "("
  | ")";

export interface Token {
  readonly kind: TokenKind;
  /** As written; a field's begins with its point. */
  readonly text: string;
  readonly offset: number;
  /** Whether white space (or the action's start) comes before it. */
  readonly isApart: boolean;
}

/** A template in pieces: text to print, and actions as tokens. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly offset: number; readonly tokens: readonly Token[] };

const wordPattern = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const numberPattern =
  /[+-]?(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y;
const spacePattern = /[ \t\r\n]/;

/** Cuts a template into text and actions; trim markers and comments are already applied. */
export function scanTemplate(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let offset = 0;
  let trimsNext = false;
  for (;;) {
    const open = text.indexOf("{{", offset);
    let plain = text.slice(offset, open === -1 ? text.length : open);
    if (trimsNext) plain = plain.replace(/^[ \t\r\n]+/, "");
    const trimsLast = open !== -1 && text[open + 2] === "-" && spacePattern.test(text[open + 3] ?? "");
    if (trimsLast) plain = plain.replace(/[ \t\r\n]+$/, "");
    if (plain !== "") pieces.push({ kind: "text", text: plain });
    if (open === -1) return pieces;
    const start = open + (trimsLast ? 3 : 2);
    const isComment = text.startsWith("/*", trimsLast ? start + 1 : start);
    const action = isComment ? scanComment(text, start) : new ActionScanner(text, start).scan();
    if (action.tokens !== undefined) pieces.push({ kind: "action", offset: open, tokens: action.tokens });
    offset = action.end;
    trimsNext = action.isTrimming;
  }
}

interface Scanned {
  /** Undefined for a comment. */
  readonly tokens?: readonly Token[] | undefined;
  readonly end: number;
  readonly isTrimming: boolean;
}

function scanComment(text: string, start: number): Scanned {
  const close = text.indexOf("*/", start);
  if (close === -1) throw unreadable(text, start, "unclosed comment");
  const after = close + 2;
  if (text.startsWith("}}", after)) return { end: after + 2, isTrimming: false };
  if (/^[ \t\r\n]-\}\}/.test(text.slice(after, after + 4))) return { end: after + 4, isTrimming: true };
  throw unreadable(text, start, "comment ends before closing delimiter");
}

class ActionScanner {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  #at: number;
  #depth = 0;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#at = start;
  }

  scan(): Scanned {
    let isApart = true;
    for (;;) {
      const trims = /^[ \t\r\n]-\}\}/.test(this.#text.slice(this.#at, this.#at + 4));
      if (trims || this.#text.startsWith("}}", this.#at)) {
        if (this.#depth > 0) throw this.#fail("unclosed left paren");
        return { tokens: this.#tokens, end: this.#at + (trims ? 4 : 2), isTrimming: trims };
      }
      const character = this.#text[this.#at];
      if (character === undefined) throw this.#fail("unclosed action");
      if (spacePattern.test(character)) {
        this.#at++;
        isApart = true;
        continue;
      }
      const [kind, text] = this.#next(character);
      this.#tokens.push({ kind, text, offset: this.#at, isApart });
      this.#at += text.length;
      isApart = false;
    }
  }

  #next(character: string): readonly [TokenKind, string] {
    const rest = this.#text.slice(this.#at, this.#at + 2);
    if (rest === ":=") return [":=", rest];
    switch (character) {
      case "=":
      case "|":
      case ",":
        return [character, character];
      case "(":
        this.#depth++;
        return ["(", "("];
      case ")":
        if (--this.#depth < 0) throw this.#fail("unexpected right paren");
        return [")", ")"];
      case '"':
        return ["string", this.#quoted('"', "unterminated quoted string")];
      case "'":
        return ["character", this.#quoted("'", "unterminated character constant")];
      case "`":
        return ["raw-string", this.#rawQuoted()];
      case "$":
        return ["variable", this.#ended(`$${this.#match(wordPattern, this.#at + 1)}`)];
      case ".":
        if (!/[0-9]/.test(this.#text[this.#at + 1] ?? "")) {
          const name = this.#match(wordPattern, this.#at + 1);
          return name === "" ? ["dot", this.#ended(".")] : ["field", this.#ended(`.${name}`)];
        }
    }
    const number = this.#match(numberPattern, this.#at);
    if (number !== "") {
      const after = this.#match(wordPattern, this.#at + number.length);
      if (after !== "") throw this.#fail(`bad number syntax: ${JSON.stringify(number + after)}`);
      return ["number", number];
    }
    const word = this.#match(wordPattern, this.#at);
    if (word === "") throw this.#fail(`unexpected ${describe(this.#text, this.#at)} in command`);
    return ["word", this.#ended(word)];
  }

  /** What is left of the token must be followed by something that can end it. */
  #ended(token: string): string {
    const after = this.#at + token.length;
    const character = this.#text[after];
    if (character === undefined || /[ \t\r\n.,|:()=}]/.test(character)) return token;
    throw this.#fail(`bad character ${describe(this.#text, after)}`);
  }

  #quoted(quote: string, problem: string): string {
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const character = this.#text[at];
      if (character === "\\") at++;
      else if (character === "\n") break;
      else if (character === quote) return this.#text.slice(this.#at, at + 1);
    }
    throw this.#fail(problem);
  }

  #rawQuoted(): string {
    const close = this.#text.indexOf("`", this.#at + 1);
    if (close === -1) throw this.#fail("unterminated raw quoted string");
    return this.#text.slice(this.#at, close + 1);
  }

  #match(pattern: RegExp, at: number): string {
    pattern.lastIndex = at;
    return pattern.exec(this.#text)?.[0] ?? "";
  }

  #fail(problem: string): Error {
    return unreadable(this.#text, this.#at, problem);
  }
}

function unreadable(text: string, offset: number, problem: string): Error {
  return templateFailure(`:${positionOf(text, offset).line}: ${problem}`);
}

function describe(text: string, at: number): string {
  const code = text.codePointAt(at) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")} '${String.fromCodePoint(code)}'`;
}
