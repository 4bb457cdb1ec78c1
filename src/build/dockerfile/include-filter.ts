import { type DirectoryMatches, IgnorePatterns } from "./ignore-patterns.ts";

/** Only paths of a tree that patterns match, and all below them. */
export class IncludeFilter {
  readonly #patterns: IgnorePatterns;

  /** Throws "invalid". */
  constructor(patterns: readonly string[]) {
    this.#patterns = new IgnorePatterns(patterns);
  }

  /** "enter": left out, but something below it may be taken. `path`: relative and clean. */
  select(path: string, isDirectory: boolean): "take" | "enter" | "skip" {
    let matches: DirectoryMatches | undefined;
    let here = "";
    let isWanted = false;
    for (const name of path.split("/")) {
      here = here === "" ? name : `${here}/${name}`;
      const found = this.#patterns.matchIn(here, matches);
      matches = found.matches;
      isWanted = found.ignored;
    }
    if (isWanted) return "take";
    return isDirectory ? "enter" : "skip";
  }
}
