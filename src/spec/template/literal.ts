const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** The number a Go literal stands for; undefined when it is none. */
export function parseNumber(text: string): number | undefined {
  const match = /^([+-]?)(.*)$/.exec(text.replaceAll("_", ""));
  const digits = (match?.[2] ?? "").replace(/^0(?=[0-7]+$)/, "0o");
  const value = digits === "" ? Number.NaN : Number(digits);
  if (Number.isNaN(value)) return undefined;
  return match?.[1] === "-" ? -value : value;
}

/** The code point of a Go character constant, `'a'` or `'\n'`. */
export function parseCharacter(text: string): number | undefined {
  const value = parseQuoted(text);
  return value === undefined || [...value].length !== 1 ? undefined : value.codePointAt(0);
}

/** The text between the quotes of a Go string, escapes resolved; undefined when an escape is wrong. */
export function parseQuoted(text: string): string | undefined {
  let isWrong = false;
  const value = text
    .slice(1, -1)
    .replace(
      /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|([^]))|\\$/gu,
      (_, byte?: string, short?: string, long?: string, octal?: string, letter?: string) => {
        const code =
          octal === undefined ? Number.parseInt(byte ?? short ?? long ?? "", 16) : Number.parseInt(octal, 8);
        const plain = letter === undefined ? undefined : escapes[letter];
        if (plain !== undefined) return plain;
        if (!Number.isNaN(code) && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff))
          return String.fromCodePoint(code);
        isWrong = true;
        return "";
      },
    );
  return isWrong ? undefined : value;
}
