import type { Pressure, PressureLine } from "../../../../model/statistics.ts";

/** A number; undefined for "max" and for v1's largest whole number of pages: there is no limit. */
export function findNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number.parseInt(text, 10);
  return Number.isNaN(number) || number >= 2 ** 62 ? undefined : number;
}

/** The numbers of a line, as in cpuacct.usage_percpu. */
export function parseNumbers(text: string | undefined): readonly number[] | undefined {
  return text
    ?.trim()
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(Number);
}

/** SPEC: Documentation/accounting/psi.rst. Undefined when the kernel does not count it. */
export function parsePressure(text: string | undefined): Pressure | undefined {
  const lines = new Map<string, PressureLine>();
  for (const line of (text ?? "").split("\n")) {
    const match = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/.exec(line);
    if (match === null) continue;
    const [avg10 = 0, avg60 = 0, avg300 = 0, totalUs = 0] = match.slice(2).map(Number);
    lines.set(match[1] ?? "", { avg10, avg60, avg300, totalUs });
  }
  const some = lines.get("some");
  const full = lines.get("full");
  return some === undefined ? undefined : { some, full };
}
