import { Failure } from "../../base/failure.ts";

/** One part of a pattern: `*`, `?` or a character. Neither `*` nor `?` match a line break. */
type Token =
  | { readonly kind: "star" }
  | { readonly kind: "any" }
  | { readonly kind: "is"; readonly char: string };

/** Bound of the work for one substitution: characters of the value times parts of the pattern. */
const maxWork = 2 ** 26;
/** Bound of a result, in UTF-16 code units. */
const maxResult = 2 ** 20;

/** The part of a value that a pattern matches, as indexes of its characters. */
interface Match {
  readonly start: number;
  readonly end: number;
}

interface MatchOptions {
  /** Index of the first character where a match may start. */
  readonly from: number;
  /** Only there. */
  readonly anchored: boolean;
  readonly longest: boolean;
}

/** `${name#pattern}`, and with `longest` `${name##pattern}`: the value without what the pattern matches at its start. */
export function trimPrefix(value: string, pattern: string, longest: boolean): string {
  const chars = [...value];
  const match = findMatch(chars, parsePattern(pattern), { from: 0, anchored: true, longest });
  return match === undefined ? value : chars.slice(match.end).join("");
}

/** `${name%pattern}`, and with `longest` `${name%%pattern}`: the same at its end. */
export function trimSuffix(value: string, pattern: string, longest: boolean): string {
  const chars = [...value].reverse();
  const tokens = [...parsePattern(pattern)].reverse();
  const match = findMatch(chars, tokens, { from: 0, anchored: true, longest });
  return match === undefined ? value : chars.slice(match.end).reverse().join("");
}

/** `${name/pattern/replacement}`: the first match, at its longest, replaced. */
export function replaceFirst(value: string, pattern: string, replacement: string): string {
  const chars = [...value];
  const match = findMatch(chars, parsePattern(pattern), { from: 0, anchored: false, longest: true });
  if (match === undefined) return value;
  return chars.slice(0, match.start).join("") + replacement + chars.slice(match.end).join("");
}

/** `${name//pattern/replacement}`: all of them. */
export function replaceAll(value: string, pattern: string, replacement: string): string {
  const chars = [...value];
  const tokens = parsePattern(pattern);
  let out = "";
  let at = 0;
  let lastEnd = -1;
  for (let from = 0; from <= chars.length; ) {
    const match = findMatch(chars, tokens, { from, anchored: false, longest: true });
    if (match === undefined) break;
    out += chars.slice(at, match.start).join("");
    // An empty match directly behind another one does not count.
    if (match.end > match.start || match.start !== lastEnd)
      out += fillTemplate(replacement, chars.slice(match.start, match.end).join(""));
    if (out.length > maxResult)
      throw new Failure("invalid", `the result is longer than ${maxResult} characters`);
    lastEnd = match.end;
    at = match.end;
    if (match.end > match.start) from = match.end;
    else {
      out += chars[at++] ?? "";
      from = at;
    }
  }
  return out + chars.slice(at).join("");
}

/** The replacement of replaceAll() is a template of Go's regular expressions: `$0` is the match, other names are empty. */
function fillTemplate(template: string, match: string): string {
  return template.replace(/\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu, (all, braced, bare) => {
    if (all === "$$") return "$";
    return (braced ?? bare) === "0" ? match : "";
  });
}

function parsePattern(pattern: string): readonly Token[] {
  const chars = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; at++) {
    let char = chars[at] ?? "";
    if (char === "*") tokens.push({ kind: "star" });
    else if (char === "?") tokens.push({ kind: "any" });
    else {
      if (char === "\\") {
        char = chars[++at] ?? "\uFFFD";
        if (!"*?\\}/".includes(char))
          throw new Failure(
            "invalid",
            `invalid pattern (${pattern}) in substitution: invalid escape '\\${char}'`,
          );
      }
      tokens.push({ kind: "is", char });
    }
  }
  return tokens;
}

/**
 * The leftmost match. All positions of the pattern that are reached advance together, each with the first start that
 * leads to it: the time is at most the product of both lengths.
 */
function findMatch(
  chars: readonly string[],
  tokens: readonly Token[],
  { from, anchored, longest }: MatchOptions,
): Match | undefined {
  const end = tokens.length;
  if ((chars.length - from) * end > maxWork)
    throw new Failure("invalid", `a pattern of ${tokens.length} parts is too long for the value`);
  let found: Match | undefined;
  let current = new Map<number, number>();
  for (let at = from; ; at++) {
    if (found === undefined && (!anchored || at === from) && !current.has(0)) current.set(0, at);
    skipStars(current, tokens);
    const accepted = current.get(end);
    if (accepted !== undefined && (found === undefined || accepted <= found.start)) {
      found = { start: accepted, end: at };
      if (!longest) return found;
    }
    const char = chars[at];
    if (char === undefined) return found;
    const next = new Map<number, number>();
    for (const [position, start] of current) {
      if (found !== undefined && start > found.start) continue;
      const token = tokens[position];
      if (token === undefined) continue;
      if (token.kind === "is" ? token.char === char : char !== "\n") {
        const to = token.kind === "star" ? position : position + 1;
        next.set(to, Math.min(next.get(to) ?? start, start));
      }
    }
    if (next.size === 0 && (anchored || found !== undefined)) return found;
    current = next;
  }
}

/** Adds the positions behind stars, which may match nothing. A position that is added is visited, too. */
function skipStars(reached: Map<number, number>, tokens: readonly Token[]): void {
  for (const [position, start] of reached) {
    if (tokens[position]?.kind !== "star") continue;
    const behind = reached.get(position + 1);
    if (behind === undefined || start < behind) {
      reached.delete(position + 1);
      reached.set(position + 1, start);
    }
  }
}
