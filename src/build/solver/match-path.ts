import { Failure } from "../../base/failure.ts";

/** Whether a path has characters of a pattern. SPEC: Go, path/filepath.Match */
export function isPattern(path: string): boolean {
  return /[*?[\\]/.test(path);
}

/** One component of a path as a pattern: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character. */
export function componentPattern(component: string): RegExp {
  let source = "";
  for (let at = 0; at < component.length; at++) {
    const character = component[at] ?? "";
    if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (character === "\\") {
      at++;
      if (at === component.length) throw new Failure("invalid", `syntax error in pattern: ${component}`);
      source += escapeText(component[at] ?? "");
    } else if (character === "[") {
      const end = closingBracket(component, at);
      source += classOf(component.slice(at + 1, end));
      at = end;
    } else source += escapeText(character);
  }
  return new RegExp(`^${source}$`, "su");
}

function closingBracket(component: string, from: number): number {
  for (let at = from + 1; at < component.length; at++) {
    if (component[at] === "\\") at++;
    else if (component[at] === "]" && at > from + 1) return at;
  }
  throw new Failure("invalid", `syntax error in pattern: ${component}`);
}

function classOf(text: string): string {
  const isNegated = text.startsWith("^");
  const inner = (isNegated ? text.slice(1) : text).replaceAll(/\\?([\\\][^])/g, "\\$1");
  return `[${isNegated ? "^" : ""}${inner}]`;
}

function escapeText(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);
}
