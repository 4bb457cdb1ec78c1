import { Failure } from "../../base/failure.ts";
import type { EscapeToken } from "./dockerfile-types.ts";
import { trimStart } from "./go-text.ts";

/** A parser directive: `# name=value`. */
interface Directive {
  readonly name: "syntax" | "escape" | "check";
  readonly value: string;
}

/** The directive in the text of a comment; undefined for other comments. */
export function findDirective(comment: string): Directive | undefined {
  const match = /^([a-z][a-z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(\S.*)$/i.exec(trimStart(comment));
  const name = match?.[1]?.toLowerCase();
  const value = match?.[2]?.trimEnd();
  if (value === undefined || (name !== "syntax" && name !== "escape" && name !== "check")) return undefined;
  return { name, value };
}

/** Reads parser directives: they are the first lines of a file, each at most once. */
export class DirectiveReader {
  syntax: string | undefined;
  check: string | undefined;
  escape: EscapeToken = "\\";
  readonly #seen = new Set<string>();
  #done = false;

  /** Whether a line is a directive. After the first line that is none, no other is. Throws Failure("invalid"). */
  read(line: string): boolean {
    if (this.#done) return false;
    const directive = line.startsWith("#") ? findDirective(line.slice(1)) : undefined;
    if (directive === undefined) {
      this.#done = true;
      return false;
    }
    const { name, value } = directive;
    if (this.#seen.has(name)) throw new Failure("invalid", `only one ${name} parser directive can be used`);
    this.#seen.add(name);
    if (name === "escape") {
      if (value !== "\\" && value !== "`")
        throw new Failure("invalid", `invalid escape token '${value}' does not match \` or \\`);
      this.escape = value;
    } else this[name] = value.split(" ", 1)[0];
    return true;
  }
}
