import { isRecord } from "../../base/is-record.ts";
import { Failure } from "../../base/failure.ts";

/** Values a key; a thing must match one of the values of every key. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/**
 * Reads the `filters` parameter: `{"label":["a=b"]}`, or the form before 1.22, `{"label":{"a=b":true}}`.
 * Throws Failure("invalid") for other JSON.
 */
export function parseFilters(text: string | undefined): Filters {
  if (text === undefined || text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Failure("invalid", "invalid filter", { cause });
  }
  if (value === null) return {};
  if (!isRecord(value)) throw refused();
  const filters: [string, readonly string[]][] = [];
  for (const [key, values] of Object.entries(value)) {
    const list: readonly unknown[] | undefined = Array.isArray(values)
      ? values
      : isRecord(values)
        ? keysThatHold(values)
        : undefined;
    if (list?.every((item) => typeof item === "string") !== true) throw refused();
    filters.push([key, list]);
  }
  return Object.freeze(Object.fromEntries(filters));
}

/** The JSON of the newer form; undefined when there is nothing to filter. */
export function formatFilters(filters: Filters | undefined): string | undefined {
  if (filters === undefined || Object.keys(filters).length === 0) return undefined;
  return JSON.stringify(filters);
}

/** Throws Failure("invalid") in Docker's words when a key is not among those that can be filtered by. */
export function requireFilterKeys(filters: Filters, known: readonly string[]): void {
  for (const key of Object.keys(filters)) {
    if (!known.includes(key)) throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
  }
}

/** Does this label set have the label a filter names (`name`, or `name=value`)? */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const name = equals < 0 ? wanted : wanted.slice(0, equals);
  if (!Object.hasOwn(labels, name)) return false;
  return equals < 0 || labels[name] === wanted.slice(equals + 1);
}

function keysThatHold(values: Readonly<Record<string, unknown>>): string[] | undefined {
  const entries = Object.entries(values);
  if (entries.some(([, holds]) => typeof holds !== "boolean")) return undefined;
  return entries.filter(([, holds]) => holds === true).map(([key]) => key);
}

function refused(): Failure {
  return new Failure("invalid", "invalid filter");
}
