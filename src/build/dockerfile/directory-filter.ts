import { type DirectoryMatches, IgnorePatterns } from "./ignore-patterns.ts";

/** Which paths of a tree the patterns of `.dockerignore` or `--exclude` leave out. Asked in the order of a walk. */
export class DirectoryFilter {
  readonly #patterns: IgnorePatterns;
  /** Of the directories above the path that was asked last. */
  #above: { readonly path: string; readonly matches: DirectoryMatches }[] = [];

  /** Throws "invalid". */
  constructor(patterns: readonly string[]) {
    this.#patterns = new IgnorePatterns(patterns);
  }

  /** "enter": left out, but something below it may be taken. `path`: relative and clean. */
  select(path: string, isDirectory: boolean): "take" | "enter" | "skip" {
    const { ignored } = this.#match(path, isDirectory);
    if (!ignored) return "take";
    return isDirectory && this.#patterns.hasExceptions ? "enter" : "skip";
  }

  #match(path: string, isDirectory: boolean): { readonly ignored: boolean } {
    while (this.#above.length > 0 && !path.startsWith(`${this.#above.at(-1)?.path}/`)) this.#above.pop();
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? "" : path.slice(0, slash);
    if (parent !== (this.#above.at(-1)?.path ?? "")) {
      // Not asked as a walk asks: the directories above it come first.
      const missing = this.#above.at(-1)?.path ?? "";
      const rest = parent.slice(missing === "" ? 0 : missing.length + 1).split("/");
      let here = missing;
      for (const name of rest) {
        here = here === "" ? name : `${here}/${name}`;
        this.#above.push({
          path: here,
          matches: this.#patterns.matchIn(here, this.#above.at(-1)?.matches).matches,
        });
      }
    }
    const found = this.#patterns.matchIn(path, this.#above.at(-1)?.matches);
    if (isDirectory) this.#above.push({ path, matches: found.matches });
    return found;
  }
}
