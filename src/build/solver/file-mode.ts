import { Failure } from "../../base/failure.ts";

type ModeChange = (mode: number, isDirectory: boolean) => number;

/** Reads `--chmod`: octal digits, or clauses like `u=rwX,go-w`. SPEC: chmod(1); Dockerfile reference, COPY --chmod */
export function parseModeChange(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text)) {
    const mode = Number.parseInt(text, 8);
    if (mode <= 0o7777) return () => mode;
  }
  const clauses = text.split(",").map(parseClause);
  return (mode, isDirectory) => clauses.reduce((changed, clause) => clause(changed, isDirectory), mode);
}

const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

function parseClause(text: string): ModeChange {
  const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(text);
  if (match === null)
    throw new Failure(
      "invalid",
      `invalid chmod parameter: '${text.slice(0, 50)}'. it should be octal string and between 0 and 07777`,
    );
  const who = match[1] === "" || match[1]?.includes("a") === true ? "ugo" : (match[1] ?? "");
  const operations = [...(match[2] ?? "").matchAll(/([-+=])([rwxXstugo]*)/g)].map(
    ([, operator = "", letters = ""]) => ({ operator, letters }),
  );
  return (mode, isDirectory) => {
    let changed = mode;
    for (const { operator, letters } of operations) {
      const bits = bitsOf(letters, { who, mode: changed, isDirectory });
      const all = [...who].reduce((sum, one) => sum | (7 << (shifts[one] ?? 0)), 0);
      if (operator === "+") changed |= bits;
      else if (operator === "-") changed &= ~bits;
      else changed = (changed & ~all) | bits;
    }
    return changed & 0o7777;
  };
}

function bitsOf(
  letters: string,
  { who, mode, isDirectory }: { readonly who: string; readonly mode: number; readonly isDirectory: boolean },
): number {
  let bits = 0;
  for (const letter of letters) {
    for (const one of who) {
      const shift = shifts[one] ?? 0;
      if (letter === "r") bits |= 4 << shift;
      else if (letter === "w") bits |= 2 << shift;
      else if (letter === "x") bits |= 1 << shift;
      else if (letter === "X") bits |= isDirectory || (mode & 0o111) !== 0 ? 1 << shift : 0;
      else if (letter in shifts) bits |= ((mode >> (shifts[letter] ?? 0)) & 7) << shift;
      else if (letter === "s") bits |= one === "u" ? 0o4000 : one === "g" ? 0o2000 : 0;
    }
    if (letter === "t") bits |= 0o1000;
  }
  return bits;
}
