/** Share of the time in which some, or all, of the processes waited: in percent over 10, 60 and 300 seconds. */
export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly totalUs: number;
}

export interface Pressure {
  readonly some: PressureLine;
  /** Absent where the kernel has no such line (cpu before Linux 5.13). */
  readonly full?: PressureLine;
}

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
    lines.set(match[1] as string, { avg10, avg60, avg300, totalUs });
  }
  const some = lines.get("some");
  const full = lines.get("full");
  return some === undefined ? undefined : { some, ...(full === undefined ? {} : { full }) };
}
