import type { Location } from "./dockerfile-types.ts";
import type { LintWarning } from "./lint.ts";

/** A file as messages show it. */
export interface SourceText {
  readonly name: string;
  readonly text: string;
}

const line = "--------------------\n";

/**
 * Lines of a file around a location, with numbers and `>>>` marks, as BuildKit prints them below a warning or an error;
 * "" for a location outside of the file.
 */
export function formatExcerpt({ name, text }: SourceText, location: Location): string {
  const lines = text.split("\n");
  let start = location.startLine;
  let end = Math.max(location.endLine, start);
  if (start < 1 || start > lines.length) return "";
  end = Math.min(end, lines.length);
  const most = end === start ? 4 : 2;
  for (let added = 0; added < most; added++) {
    if (start > 1) {
      start--;
      added++;
    }
    if (end !== lines.length) {
      end++;
      added++;
    }
  }
  const shown = lines.slice(start - 1, end).map((content, index) => {
    const number = start + index;
    const marked = number >= location.startLine && number <= Math.max(location.endLine, location.startLine);
    return ` ${String(number).padStart(3)} | ${marked ? ">>>" : "   "} ${content}\n`;
  });
  return `${name}:${location.startLine}\n${line}${shown.join("")}${line}`;
}

/** Warnings as `docker build --check` prints them, ordered by line. */
export function formatWarnings(source: SourceText, warnings: readonly LintWarning[]): string {
  return warnings
    .toSorted((one, other) => one.location.startLine - other.location.startLine)
    .map(({ rule, url, detail, location }) => {
      const title = url === "" ? rule : `${rule} - ${url}`;
      return `\nWARNING: ${title}\n${detail}\n${formatExcerpt(source, location)}`;
    })
    .join("");
}
