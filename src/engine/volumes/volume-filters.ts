import { Failure } from "../../base/failure.ts";
import { hasLabel } from "../labels.ts";
import type { VolumeRecord } from "../state/records.ts";

type Filter = (record: VolumeRecord, values: readonly string[], isUsed: boolean) => boolean;
export type VolumeFilter = Readonly<Record<string, readonly string[]>>;

const listFilters: Readonly<Record<string, Filter>> = {
  name: ({ name }, values) => values.some((value) => name.includes(value)),
  driver: (_, values) => values.includes("local"),
  label: ({ labels }, values) => values.every((value) => hasLabel(labels, value)),
  dangling: (_, values, isUsed) => values.some((value) => parseTruth("dangling", value) !== isUsed),
};

const pruneFilters: Readonly<Record<string, Filter>> = {
  label: ({ labels }, values) => values.every((value) => hasLabel(labels, value)),
  "label!": ({ labels }, values) => values.every((value) => !hasLabel(labels, value)),
  all: () => true,
};

/** Throws "invalid" in Docker's words for a filter that there is none of. */
export function matchesListFilters(record: VolumeRecord, wanted: VolumeFilter, isUsed: boolean): boolean {
  return matches(listFilters, record, wanted, isUsed);
}

export function matchesPruneFilters(record: VolumeRecord, wanted: VolumeFilter): boolean {
  return matches(pruneFilters, record, wanted, false);
}

/** Throws as above, also when there is nothing to be filtered. */
export function checkFilters(kind: "list" | "prune", wanted: VolumeFilter): void {
  const known = kind === "list" ? listFilters : pruneFilters;
  for (const [key, values] of Object.entries(wanted)) {
    if (!Object.hasOwn(known, key)) throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
    if (key === "dangling" || key === "all") for (const value of values) parseTruth(key, value);
  }
}

/** Whether prune's `all` is among the filters and true. */
export function asksForAll({ all = [] }: VolumeFilter): boolean {
  return all.some((value) => parseTruth("all", value));
}

function matches(
  known: Readonly<Record<string, Filter>>,
  record: VolumeRecord,
  wanted: VolumeFilter,
  isUsed: boolean,
): boolean {
  return Object.entries(wanted).every(
    ([key, values]) => values.length === 0 || known[key]?.(record, values, isUsed) === true,
  );
}

function parseTruth(key: string, text: string): boolean {
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:0|f|false)$/i.test(text)) return false;
  throw new Failure("invalid", `invalid filter '${key}=[${text.slice(0, 100)}]'`);
}
