/** Names that differ in this many letters are not what was meant. */
const tooFar = 3;
/** Longer names have no suggestion: the comparison takes the product of both lengths. */
const longestName = 256;

/** The option that a misspelled name may mean; undefined where none is close or one is equal. */
export function suggestName(name: string, options: Iterable<string>): string | undefined {
  if (name.length > longestName) return undefined;
  let best: string | undefined;
  let least = tooFar;
  for (const option of options) {
    if (option === name) return undefined;
    if (Math.abs(option.length - name.length) >= least) continue;
    const distance = editDistance(name, option);
    if (distance < least) [best, least] = [option, distance];
  }
  return best;
}

/** ` (did you mean NAME?)`, or nothing. */
export function didYouMean(name: string, options: Iterable<string>): string {
  const match = suggestName(name, options);
  return match === undefined ? "" : ` (did you mean ${match}?)`;
}

/** Insertions, deletions and replacements of one character that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
