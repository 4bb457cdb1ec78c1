import type { HugePageStatistics } from "../../../../model/statistics.ts";
import { listHugePageSizes } from "../../huge-pages.ts";
import { parseFlatKeyed } from "../files.ts";
import { findNumber } from "./parse.ts";

/** By the size of the pages; only those that are counted (on v2 the controller is switched on by a limit). */
export function readHugePages(
  reader: { readonly version: 1 | 2; readonly read: (file: string) => string | undefined } | undefined,
): Readonly<Record<string, HugePageStatistics>> {
  if (reader === undefined) return {};
  const { version, read } = reader;
  const sizes = listHugePageSizes().flatMap((size) => {
    const file = (name: string): string | undefined => read(`hugetlb.${size}.${name}`);
    const usageBytes = findNumber(file(version === 1 ? "usage_in_bytes" : "current"));
    if (usageBytes === undefined) return [];
    const maxUsageBytes = version === 1 ? findNumber(file("max_usage_in_bytes")) : undefined;
    const limitBytes = findNumber(file(version === 1 ? "limit_in_bytes" : "max"));
    const failures =
      version === 1 ? findNumber(file("failcnt")) : parseFlatKeyed(file("events") ?? "").get("max");
    const statistics: HugePageStatistics = {
      usageBytes,
      maxUsageBytes,
      limitBytes,
      failures,
    };
    return [[size, statistics] as const];
  });
  return Object.fromEntries(sizes);
}
