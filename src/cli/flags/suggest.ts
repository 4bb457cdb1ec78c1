/**
 * The known word that is most like a mistyped one; undefined when none is near: at most two letters differ, or it
 * begins with what was typed. Pure.
 */
export function suggest(typed: string, known: readonly string[]): string | undefined {
  const limit = typed.length > 3 ? 2 : 1;
  let best: string | undefined;
  let least = limit + 1;
  for (const word of known) {
    const isBegun = typed.length > 2 && word.startsWith(typed);
    const distance = isBegun ? 1 : distanceOf(typed, word);
    if (distance < least) [best, least] = [word, distance];
  }
  return best;
}

/** `\nDid you mean "stop"?`, or nothing. Pure. */
export function didYouMean(typed: string, known: readonly string[]): string {
  const found = suggest(typed, known);
  return found === undefined ? "" : `\nDid you mean "${found}"?`;
}

/** Letters to insert, remove, replace or swap with their neighbor (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY;
  let [before, last]: [readonly number[], readonly number[]] = [
    [],
    Array.from({ length: b.length + 1 }, (_, i) => i),
  ];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
