/** White space as Go's unicode.IsSpace() has it; JavaScript's `\s` differs in two characters. */
export const whiteSpace: RegExp = /\p{White_Space}/u;

/** As Go's strings.TrimSpace(). */
export function trimSpace(text: string): string {
  return trimStart(text).replace(/(?<!\p{White_Space})\p{White_Space}+$/u, "");
}

/** As trimSpace(), at the beginning only. */
export function trimStart(text: string): string {
  return text.replace(/^\p{White_Space}+/u, "");
}

/** Text before and after the first separator; undefined after it where there is none. */
export function cut(text: string, separator: string): readonly [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** As Go's `%q`, apart from some rare control characters. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** As Go's strconv.ParseBool(); undefined for other texts. */
export function findBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  return /^(0|f|F|false|FALSE|False)$/.test(text) ? false : undefined;
}
