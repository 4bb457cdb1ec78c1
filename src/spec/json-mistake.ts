/** Where a text stops being JSON, for a person: `line 3, column 7: unexpected "}"`. Undefined for JSON. Linear. */
export function findJsonMistake(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    const at = scan(text);
    const before = text.slice(0, at).split("\n");
    const position = `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
    const found = text[at];
    return `${position}: ${found === undefined ? "it ends too early" : `unexpected ${JSON.stringify(found)}`}`;
  }
}

const value =
  /(?<text>"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*")|[{[]|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;

/** Index of the first character that can't be there. Without recursion: depth is the text's choice. */
function scan(text: string): number {
  const open: ("{" | "[")[] = [];
  let at = skipSpace(text, 0);
  let wants: "value" | "key" | "after" = "value";
  for (;;) {
    at = skipSpace(text, at);
    const character = text[at];
    const inside = open.at(-1);
    if (wants === "after") {
      if (character === "," && inside !== undefined) wants = inside === "{" ? "key" : "value";
      else if (character !== undefined && character === closing(inside)) open.pop();
      else return at;
      at++;
      continue;
    }
    const isFirst = inside !== undefined && text[lastSolid(text, at)] === inside;
    if (isFirst && character === closing(inside)) {
      open.pop();
      wants = "after";
      at++;
      continue;
    }
    value.lastIndex = at;
    const found = value.exec(text);
    if (found === null || (wants === "key" && found.groups?.["text"] === undefined)) return at;
    at += found[0].length;
    if (wants === "key") {
      at = skipSpace(text, at);
      if (text[at] !== ":") return at;
      at++;
      wants = "value";
    } else if (found[0] === "{" || found[0] === "[") {
      open.push(found[0]);
      wants = found[0] === "{" ? "key" : "value";
    } else wants = "after";
  }
}

function closing(inside: "{" | "[" | undefined): string | undefined {
  return inside === undefined ? undefined : inside === "{" ? "}" : "]";
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (/^[ \t\r\n]$/.test(text[at] ?? "")) at++;
  return at;
}

/** The last character before that is no space. */
function lastSolid(text: string, before: number): number {
  let at = before - 1;
  while (at >= 0 && /^[ \t\r\n]$/.test(text[at] ?? "")) at--;
  return at;
}
