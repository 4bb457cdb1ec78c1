import { Failure } from "../../base/failure.ts";
import { hasLabel } from "../labels.ts";
import type { NetworkRecord } from "../state/records.ts";
import { isPredefined } from "./fixed-networks.ts";

export type NetworkFilter = Readonly<Record<string, readonly string[]>>;

type Filter = (record: NetworkRecord, value: string, isUsed: boolean) => boolean;

const filters: Readonly<Record<string, Filter>> = {
  name: ({ name }, value) => matchesText(name, value),
  id: ({ id }, value) => matchesText(id, value),
  driver: ({ driver }, value) => driver === value,
  scope: (_, value) => value === "local",
  type: ({ name }, value) => {
    if (value !== "builtin" && value !== "custom") throw wrong("type", value);
    return isPredefined(name) === (value === "builtin");
  },
  dangling: ({ name }, value, isUsed) => {
    if (isPredefined(name)) return false;
    return isTrue("dangling", value) !== isUsed;
  },
};

/** Throws "invalid" in Docker's words for a filter that there is none of. */
export function checkNetworkFilters(wanted: NetworkFilter): void {
  for (const [key, values] of Object.entries(wanted)) {
    if (key !== "label" && !Object.hasOwn(filters, key)) {
      throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
    }
    if (key === "dangling") for (const value of values) isTrue(key, value);
    if (key === "type") {
      for (const value of values) if (value !== "builtin" && value !== "custom") throw wrong(key, value);
    }
  }
}

/** `isUsed`: a container has it, running or not. Values of one key are alternatives, but labels: all of them. */
export function matchesNetworkFilters(
  record: NetworkRecord,
  wanted: NetworkFilter,
  isUsed: boolean,
): boolean {
  return Object.entries(wanted).every(([key, values]) => {
    if (values.length === 0) return true;
    if (key === "label") return values.every((value) => hasLabel(record.labels, value));
    return values.some((value) => filters[key]?.(record, value, isUsed) === true);
  });
}

/**
 * SAFETY: patterns come from clients; one that is no pattern, or long enough to be an attack, is taken as plain text.
 */
function matchesText(text: string, pattern: string): boolean {
  if (text.includes(pattern)) return true;
  if (pattern.length > 100) return false;
  try {
    return new RegExp(pattern).test(text);
  } catch {
    return false;
  }
}

function isTrue(key: string, text: string): boolean {
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:0|f|false)$/i.test(text)) return false;
  throw wrong(key, `[${text.slice(0, 100)}]`);
}

function wrong(key: string, text: string): Failure {
  return new Failure("invalid", `invalid filter '${key}=${text.slice(0, 100)}'`);
}
