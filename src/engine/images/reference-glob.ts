import { Failure } from "../../base/failure.ts";

type Token =
  | { readonly kind: "any-text" }
  | { readonly kind: "any-character" }
  | { readonly kind: "one-of"; readonly ranges: readonly Range[]; readonly isNegated: boolean };

interface Range {
  readonly from: string;
  readonly to: string;
}

/**
 * Whether the whole text matches a pattern of `reference=` filters: `*`, `?` and `[a-z]` match no slash, a backslash
 * makes the next character plain. Takes time in proportion to both lengths at most. Throws "invalid" for a pattern that
 * is none. SPEC: path.Match of Go
 */
export function matchesGlob(glob: string, text: string): boolean {
  const tokens = parseGlob(glob);
  const characters = [...text];
  let [token, at] = [0, 0];
  let star: { readonly token: number; at: number } | undefined;
  while (at < characters.length || token < tokens.length) {
    const wanted = tokens[token];
    const character = characters[at];
    if (wanted?.kind === "any-text") {
      star = { token: ++token, at };
    } else if (wanted !== undefined && character !== undefined && fits(wanted, character)) {
      token++;
      at++;
    } else {
      // The last star takes one character more.
      const taken = star === undefined ? undefined : characters[star.at];
      if (star === undefined || taken === undefined || taken === "/") return false;
      at = ++star.at;
      token = star.token;
    }
  }
  return true;
}

function fits(token: Exclude<Token, { kind: "any-text" }>, character: string): boolean {
  if (token.kind === "any-character") return character !== "/";
  return token.ranges.some(({ from, to }) => from <= character && character <= to) !== token.isNegated;
}

function parseGlob(glob: string): readonly Token[] {
  const characters = [...glob];
  const tokens: Token[] = [];
  let at = 0;
  const literal = (): string => {
    const escapes = characters[at] === "\\";
    const character = characters[escapes ? at + 1 : at];
    if (character === undefined) throw badPattern();
    at += escapes ? 2 : 1;
    return character;
  };
  const bound = (): string => {
    if (characters[at] === "-" || characters[at] === "]") throw badPattern();
    return literal();
  };
  while (at < characters.length) {
    switch (characters[at]) {
      case "*":
        at++;
        tokens.push({ kind: "any-text" });
        break;
      case "?":
        at++;
        tokens.push({ kind: "any-character" });
        break;
      case "[": {
        const isNegated = characters[at + 1] === "^";
        at += isNegated ? 2 : 1;
        const ranges: Range[] = [];
        do {
          const from = bound();
          const isRange = characters[at] === "-";
          if (isRange) at++;
          ranges.push({ from, to: isRange ? bound() : from });
        } while (characters[at] !== "]");
        at++;
        tokens.push({ kind: "one-of", ranges, isNegated });
        break;
      }
      default: {
        const character = literal();
        tokens.push({ kind: "one-of", ranges: [{ from: character, to: character }], isNegated: false });
      }
    }
  }
  return tokens;
}

function badPattern(): Failure {
  return new Failure("invalid", "syntax error in pattern");
}
