import { posix } from "node:path";
import { Failure } from "../../base/failure.ts";
import { quote, trimSpace } from "./go-text.ts";
import { compilePathPattern, type PathTest } from "./path-pattern.ts";

/** Bounds of one file of patterns. */
const maxFileLength = 2 ** 20;
const maxPatterns = 10_000;

/** Patterns of a `.dockerignore`, one a line, as BuildKit reads them: comments and empty lines left out, paths cleaned. */
export function parseIgnoreFile(text: string): readonly string[] {
  if (text.length > maxFileLength)
    throw new Failure("invalid", `cannot read .dockerignore: longer than ${maxFileLength} characters`);
  const patterns: string[] = [];
  for (const line of text.replace(/^\uFEFF/, "").split("\n")) {
    if (line.startsWith("#")) continue;
    const trimmed = trimSpace(line);
    if (trimmed === "") continue;
    const isException = trimmed.startsWith("!");
    const path = isException ? trimSpace(trimmed.slice(1)) : trimmed;
    const cleaned = path === "" ? "" : cleanPath(path);
    const relative = cleaned.length > 1 && cleaned.startsWith("/") ? cleaned.slice(1) : cleaned;
    patterns.push((isException ? "!" : "") + relative);
  }
  return patterns;
}

/** Which patterns a directory has matched, for the files in it. */
export type DirectoryMatches = readonly boolean[];

interface Pattern {
  readonly text: string;
  readonly isException: boolean;
  readonly test: PathTest;
}

/** Compiled patterns with the semantics of moby/patternmatcher: the last pattern that matches decides. */
export class IgnorePatterns {
  readonly #patterns: readonly Pattern[];

  /** Throws Failure("invalid") for a pattern with a syntax error and for `!` alone. */
  constructor(patterns: readonly string[]) {
    if (patterns.length > maxPatterns)
      throw new Failure("invalid", `cannot use more than ${maxPatterns} patterns`);
    this.#patterns = patterns.flatMap((text) => compile(text) ?? []);
  }

  /** Whether a pattern begins with `!`: files in ignored directories may then not be ignored. */
  get hasExceptions(): boolean {
    return this.#patterns.some(({ isException }) => isException);
  }

  /** Whether a pattern ignores everything: `*`, `**` or their like. */
  get ignoresRoot(): boolean {
    return this.#patterns.some(({ text, isException }) => !isException && /^(\*|\*\*|\*\*\/\*)$/.test(text));
  }

  /** Whether a path, relative and clean, or one of its directories is ignored. Never for `.`. */
  matches(path: string): boolean {
    if (path === ".") return false;
    let ignored = false;
    for (const { isException, test } of this.#patterns)
      if (isException === ignored && test.matchesWithin(path)) ignored = !isException;
    return ignored;
  }

  /**
   * The same for a walk through a tree: `parent` is the result for the directory of the path, undefined for paths
   * without one. Takes one test for each pattern.
   */
  matchIn(
    path: string,
    parent: DirectoryMatches | undefined,
  ): { readonly ignored: boolean; readonly matches: DirectoryMatches } {
    let ignored = false;
    const matches: boolean[] = [];
    for (const [index, { isException, test }] of this.#patterns.entries()) {
      const matched = parent?.[index] === true || (isException === ignored && test.matches(path));
      matches.push(matched);
      if (matched) ignored = !isException;
    }
    return { ignored, matches };
  }
}

function compile(text: string): Pattern | undefined {
  const trimmed = trimSpace(text);
  if (trimmed === "") return undefined;
  const cleaned = cleanPath(trimmed);
  const isException = cleaned.startsWith("!");
  if (isException && cleaned.length === 1)
    throw new Failure("invalid", 'illegal exclusion pattern: "!"', { details: { detail: text } });
  const pattern = isException ? cleaned.slice(1) : cleaned;
  const test = compilePathPattern(pattern);
  if (test === undefined)
    throw new Failure("invalid", `syntax error in pattern: ${quote(pattern)}`, {
      details: { detail: pattern },
    });
  return { text: pattern, isException, test };
}

/** As Go's filepath.Clean(). */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}
