import { Failure } from "../../../base/failure.ts";

/** More than any machine has; a bound for text like `0-4000000000`. */
const highest = 8191;

/** The numbers of `0-3,8`, the kernel's list format; "invalid" for anything else. Empty text is no number. */
export function parseNumberList(text: string, what: string): Set<number> {
  const numbers = new Set<number>();
  if (text.trim() === "") return numbers;
  for (const part of text.split(",")) {
    const range = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part);
    const first = Number(range?.[1]);
    const last = range?.[2] === undefined ? first : Number(range[2]);
    if (range === null || first > last || last > highest) {
      throw new Failure("invalid", `cannot use ${what} "${text}": Invalid value ${text} for ${what}`);
    }
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}
