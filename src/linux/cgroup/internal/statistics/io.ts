import type { IoCounter } from "../../../../model/statistics.ts";

/** `8:0 Read 4096` a line, and sums, which are left out. */
export function parseV1IoCounters(text: string): readonly IoCounter[] {
  const counters: IoCounter[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
    if (match === null || match[3] === "Total") continue;
    counters.push({
      major: Number(match[1]),
      minor: Number(match[2]),
      operation: (match[3] ?? "").toLowerCase(),
      count: Number(match[4]),
    });
  }
  return counters;
}

/** Of two counters of the same thing the greater counts: each may have missed some of it. */
export function mergeIoCounters(
  one: readonly IoCounter[],
  other: readonly IoCounter[],
): readonly IoCounter[] {
  if (other.length === 0) return one;
  const merged = new Map<string, IoCounter>();
  for (const counter of [...one, ...other]) {
    const key = `${counter.major}:${counter.minor} ${counter.operation}`;
    if (counter.count >= (merged.get(key)?.count ?? 0)) merged.set(key, counter);
  }
  return [...merged.values()];
}

const v2Keys = [
  ["read", "rbytes", "rios"],
  ["write", "wbytes", "wios"],
  ["discard", "dbytes", "dios"],
] as const;

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6` a line. */
export function parseV2IoStat(text: string): {
  readonly bytes: readonly IoCounter[];
  readonly operations: readonly IoCounter[];
} {
  const bytes: IoCounter[] = [];
  const operations: IoCounter[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\d+):(\d+) (.*)$/.exec(line);
    if (match === null) continue;
    const [major, minor] = [Number(match[1]), Number(match[2])];
    const figures = new Map(
      (match[3] ?? "").split(" ").map((pair): [string, string] => {
        const [key = "", value = ""] = pair.split("=", 2);
        return [key, value];
      }),
    );
    for (const [operation, bytesKey, operationsKey] of v2Keys) {
      const size = figures.get(bytesKey);
      const number = figures.get(operationsKey);
      if (size !== undefined) bytes.push({ major, minor, operation, count: Number(size) });
      if (number !== undefined) operations.push({ major, minor, operation, count: Number(number) });
    }
  }
  return { bytes, operations };
}
