import { parseDuration } from "../../base/duration.ts";
import { Failure } from "../../base/failure.ts";
import { compileLinearPattern } from "../../base/linear-pattern.ts";
import type { BuildCacheRecord } from "../../model/builds.ts";
import type { Filters } from "../http/filters.ts";

/** What filters see of a record of the build cache. */
export interface FilteredRecord
  extends Pick<
    BuildCacheRecord,
    "id" | "parents" | "description" | "inUse" | "shared" | "mutable" | "createdAtMs" | "lastUsedAtMs"
  > {
  /** As clients of BuildKit know it: `regular`. */
  readonly kind: string;
}

type Test = (record: FilteredRecord) => boolean;
type Operator = "==" | "!=" | "~=";

/**
 * Whether one of BuildKit's filters selects a record; all records without filters. SPEC: containerd, filters: conditions
 * that are joined by a comma must all hold. Throws "invalid" for a filter that is none. Pure.
 */
export function compileCacheFilters(filters: readonly string[]): Test {
  const compiled = filters.filter((text) => text !== "").map(parseFilter);
  return (record) => compiled.length === 0 || compiled.some((all) => all.every((test) => test(record)));
}

/**
 * Whether Docker's filters select a record: one of the values of every key. As in buildx, `id` is a regular expression,
 * and so is each `KEY~`; `KEY!` excludes. Throws "invalid" in dockerd's words. Pure.
 */
export function compileCacheQuery(filters: Filters): Test {
  if ("until" in filters && "unused-for" in filters)
    throw new Failure("invalid", `conflicting filters: "until" and "unused-for"`);
  const tests = Object.entries(filters).map(([key, values]): Test => {
    if (key === "until" || key === "unused-for") {
      const ages = values.map(parseDuration);
      const now = Date.now();
      return ({ createdAtMs, lastUsedAtMs = createdAtMs }) => ages.some((ms) => lastUsedAtMs <= now - ms);
    }
    const field = key.replace(/[~!]$/, "");
    if (!isField(field)) throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
    const operator = key.endsWith("!") ? "!=" : key.endsWith("~") || key === "id" ? "~=" : "==";
    if (values.length === 0) return isPresent(field);
    const alternatives = values.map((value) => compareWith(field, operator, value));
    return (record) => alternatives.some((test) => test(record));
  });
  return (record) => tests.every((test) => test(record));
}

function parseFilter(text: string): readonly Test[] {
  return partsOf(text).map((part) => {
    // Older buildx writes `~==` for `~=`.
    const match = /^([a-z]+)(?:(==|!=|~=)=?(.*))?$/s.exec(part.trim());
    const [, field = "", operator, value = ""] = match ?? [];
    if (!isField(field))
      throw new Failure("invalid", `cannot use the filter "${part}": its field is unknown`);
    const unquoted = /^"(.*)"$/s.exec(value)?.[1] ?? value;
    return operator === "==" || operator === "!=" || operator === "~="
      ? compareWith(field, operator, unquoted)
      : isPresent(field);
  });
}

/** At commas that are not in quotes. */
function partsOf(text: string): readonly string[] {
  return text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"]|")+/gs) ?? [];
}

const texts = {
  id: ({ id }) => [id],
  parent: ({ parents }) => parents,
  parents: ({ parents }) => parents,
  description: ({ description }) => [description],
  type: ({ kind }) => [kind],
} as const satisfies Readonly<Record<string, (record: FilteredRecord) => readonly string[]>>;

const flags = {
  inuse: ({ inUse }) => inUse,
  mutable: ({ mutable }) => mutable,
  immutable: ({ mutable }) => !mutable,
  shared: ({ shared }) => shared,
  private: ({ shared }) => !shared,
} as const satisfies Readonly<Record<string, Test>>;

type Field = keyof typeof texts | keyof typeof flags;

function isField(name: string): name is Field {
  return Object.hasOwn(texts, name) || isFlag(name);
}

function isFlag(name: string): name is keyof typeof flags {
  return Object.hasOwn(flags, name);
}

function isPresent(field: Field): Test {
  return isFlag(field) ? flags[field] : (record) => texts[field](record).length > 0;
}

function compareWith(field: Field, operator: Operator, value: string): Test {
  if (isFlag(field)) {
    const wanted = /^(?:1|t|true)?$/i.test(value) === (operator !== "!=");
    return (record) => flags[field](record) === wanted;
  }
  const valuesOf = texts[field];
  if (operator === "~=") {
    const matches = compileLinearPattern(value);
    return (record) => valuesOf(record).some(matches);
  }
  return (record) => valuesOf(record).includes(value) === (operator === "==");
}
