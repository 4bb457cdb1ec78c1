/** A compiled pattern. */
export interface PathTest {
  readonly matches: (path: string) => boolean;
  /** Whether it matches a path or one of its directories. */
  readonly matchesWithin: (path: string) => boolean;
}

type CharTest = (char: string) => boolean;

type Token =
  /** `*`: anything but a slash. */
  | { readonly kind: "star" }
  /** `**` in front of more: nothing, or anything up to and with a slash. */
  | { readonly kind: "directories" }
  /** `**` at the end: anything. */
  | { readonly kind: "rest" }
  | { readonly kind: "char"; readonly test: CharTest };

/** A test for a pattern of moby/patternmatcher; undefined for a syntax error. */
export function compilePathPattern(pattern: string): PathTest | undefined {
  const tokens = parseTokens(pattern);
  if (tokens === undefined) return undefined;
  const middle = pattern.replace(/^\*\*/, "");
  if (!/[*?[\]\\]/.test(middle)) {
    if (middle === pattern) return withParents((path) => path === pattern);
    const bare = middle.startsWith("/") ? middle.slice(1) : undefined;
    return withParents((path) => path.endsWith(middle) || path === bare);
  }
  if (/^[^*?[\]\\]*\*\*$/.test(pattern)) {
    const prefix = pattern.slice(0, -2);
    return withParents((path) => path.startsWith(prefix));
  }
  return {
    matches: (path) => run(tokens, path, false),
    matchesWithin: (path) => run(tokens, path, true),
  };
}

function withParents(matches: (path: string) => boolean): PathTest {
  return { matches, matchesWithin: (path) => matches(path) || parentsOf(path).some(matches) };
}

/** Directories of a path, from the outermost. */
function parentsOf(path: string): readonly string[] {
  const parents: string[] = [];
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) parents.push(path.slice(0, at));
  return parents;
}

/** Tokens in Go's syntax of filepath.Match(), with `**`. */
function parseTokens(pattern: string): readonly Token[] | undefined {
  const chars = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? "";
    if (char === "*" && chars[at + 1] === "*") {
      at++;
      if (chars[at + 1] === "/") at++;
      tokens.push({ kind: at + 1 === chars.length ? "rest" : "directories" });
    } else if (char === "*") tokens.push({ kind: "star" });
    else if (char === "?") tokens.push({ kind: "char", test: (other) => other !== "/" });
    else if (char === "[") {
      const parsed = parseClass(chars, at + 1);
      if (parsed === undefined) return undefined;
      tokens.push({ kind: "char", test: parsed.test });
      at = parsed.end;
    } else {
      const literal = char === "\\" ? chars[++at] : char;
      if (literal === undefined) return undefined;
      tokens.push({ kind: "char", test: (other) => other === literal });
    }
  }
  return tokens;
}

/** `[a-z]` from behind the bracket, with the index of the closing one; undefined for a syntax error. */
function parseClass(
  chars: readonly string[],
  start: number,
): { readonly test: CharTest; readonly end: number } | undefined {
  let at = start;
  const negated = chars[at] === "^";
  if (negated) at++;
  const ranges: (readonly [number, number])[] = [];
  const next = (): number | undefined => {
    let char = chars[at++];
    if (char === "-" || char === "]") return undefined;
    if (char === "\\") char = chars[at++];
    return char?.codePointAt(0);
  };
  while (chars[at] !== "]" || ranges.length === 0) {
    const low = next();
    if (low === undefined) return undefined;
    let high: number | undefined = low;
    if (chars[at] === "-") {
      at++;
      high = next();
    }
    if (high === undefined || high < low) return undefined;
    ranges.push([low, high]);
  }
  const test = (char: string): boolean => {
    const code = char.codePointAt(0) ?? 0;
    return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
  };
  return { test, end: at };
}

/**
 * Runs all positions of the pattern in step with the path: the time is at most the product of both lengths, whatever
 * the pattern is. With `within`, a match up to a slash is enough.
 */
function run(tokens: readonly Token[], path: string, within: boolean): boolean {
  let current = new Set([0]);
  /** Positions of `directories` that wait for a slash. */
  const waiting = new Set<number>();
  skipOptional(current, tokens);
  for (const char of path) {
    if (within && char === "/" && current.has(tokens.length)) return true;
    const next = new Set<number>();
    for (const position of current) {
      const token = tokens[position];
      if (token === undefined) continue;
      if (token.kind === "directories") waiting.add(position);
      else if (token.kind === "rest") next.add(position);
      else if (token.kind === "star") {
        if (char !== "/") next.add(position);
      } else if (token.test(char)) next.add(position + 1);
    }
    if (char === "/") for (const position of waiting) next.add(position + 1);
    if (next.size === 0 && waiting.size === 0) return false;
    skipOptional(next, tokens);
    current = next;
  }
  return current.has(tokens.length);
}

/** Adds the positions behind tokens that may match nothing. A position that is added is visited, too. */
function skipOptional(positions: Set<number>, tokens: readonly Token[]): void {
  for (const position of positions) {
    const token = tokens[position];
    if (token !== undefined && token.kind !== "char") positions.add(position + 1);
  }
}
