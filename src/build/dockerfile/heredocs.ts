import type { Heredoc } from "./dockerfile-types.ts";
import { expandWords } from "./expand-words.ts";

type HeredocStart = Omit<Heredoc, "content">;

const options = { lookup: () => undefined, keepUnset: true } as const;

/** The here-document that a word begins: `<<EOF`, `3<<-"EOF"`; undefined for other words. Throws Failure("invalid"). */
export function findHeredoc(word: string): HeredocStart | undefined {
  const match = /^(\d*)<<(-?)[\t\n\f\r ]*(?![\t\n\f\r ])([^<]*)$/.exec(word);
  const rest = match?.[3];
  if (match === null || rest === undefined || rest === "") return undefined;
  const [name, ...others] = expandWords(rest, options);
  if (name === undefined || others.length > 0) return undefined;
  const quoted = expandWords(rest, { ...options, keepQuotes: true })[0] ?? name;
  return {
    name,
    // A quoted terminator has more quotes as written than after their removal.
    expand: countQuotes(name) === countQuotes(quoted),
    chomp: match[2] === "-",
    descriptor: Number(match[1]),
  };
}

/** Here-documents of one instruction in the order of their contents. Throws Failure("invalid"). */
export function listHeredocs(line: string): readonly HeredocStart[] {
  return splitWords(line).flatMap((word) => findHeredoc(word) ?? []);
}

/** Content of `<<-` without leading tabs. */
export function chompContent(content: string): string {
  return content.replace(/^\t+/gm, "");
}

/** Words of a line; none where its quotes do not match. */
function splitWords(line: string): readonly string[] {
  try {
    return expandWords(line, { ...options, keepQuotes: true, keepEscapes: true });
  } catch {
    return [];
  }
}

function countQuotes(text: string): number {
  return text.replace(/[^'"]/g, "").length;
}
