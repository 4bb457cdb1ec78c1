import { Failure } from "../base/failure.ts";
import { parseTimestamp } from "../base/timestamp.ts";
import { hasLabel } from "./labels.ts";
import type { PruneFilters } from "../model/prune.ts";
import type { WallMs } from "../model/time.ts";

export interface Prunable {
  readonly createdAt: WallMs;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Whether a thing is among those that the filters let prune. Throws "invalid" in Docker's words for a filter that there
 * is none of, for a time that is none, and for more than one time.
 */
export function pruneFilter(
  filters: PruneFilters,
  {
    also = [],
    nowMs = Date.now(),
  }: { readonly also?: readonly string[] | undefined; readonly nowMs?: WallMs | undefined } = {},
): (thing: Prunable) => boolean {
  for (const key of Object.keys(filters)) {
    if (!["until", "label", "label!", ...also].includes(key)) {
      throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
    }
  }
  const { until = [], label = [], "label!": without = [] } = filters;
  if (until.length > 1) throw new Failure("invalid", "more than one until filter specified");
  const [untilText] = until;
  const beforeMs = untilText === undefined ? undefined : Number(parseTimestamp(untilText, nowMs)) / 1e6;
  return ({ createdAt, labels }) =>
    (beforeMs === undefined || createdAt <= beforeMs) &&
    label.every((wanted) => hasLabel(labels, wanted)) &&
    !without.some((unwanted) => hasLabel(labels, unwanted));
}

/** The value of a boolean filter; undefined when it is absent. Throws "invalid" for any other value. */
export function findFlag(filters: PruneFilters, name: string): boolean | undefined {
  const values = filters[name] ?? [];
  const [text] = values;
  if (text === undefined) return undefined;
  if (values.every((value) => /^(1|t|true)$/i.test(value))) return true;
  if (values.every((value) => /^(0|f|false)$/i.test(value))) return false;
  throw new Failure("invalid", `invalid filter '${name}=[${values.join(" ").slice(0, 100)}]'`);
}
