import { Failure } from "../../base/failure.ts";
import type { Sendable } from "../../grpc/codec.ts";
import type { BuildCacheRecord } from "../../model/builds.ts";
import type { Messages } from "./messages.ts";
import { timestampOf } from "./progress-log.ts";

type UsageRecord = Sendable<Messages["moby.buildkit.v1.UsageRecord"]>;

export function encodeCacheRecord(record: BuildCacheRecord): UsageRecord {
  const [parent = ""] = record.parents;
  return {
    ID: record.id,
    Mutable: record.mutable,
    InUse: record.inUse,
    Size: record.sizeBytes,
    Parent: parent,
    Parents: record.parents,
    CreatedAt: timestampOf(record.createdAtMs),
    LastUsedAt: timestampOf(record.lastUsedAtMs),
    UsageCount: record.usageCount,
    Description: record.description,
    RecordType: record.kind,
    Shared: record.shared,
  };
}

interface Condition {
  readonly field: string;
  readonly operator: "==" | "!=" | "~=" | "present";
  readonly value: string;
}

const fields = ["id", "parents", "description", "type", "inuse", "mutable", "immutable", "shared", "private"];

/**
 * Whether one of the filters selects a record; all records without filters. SPEC: containerd, filters: conditions that
 * are joined by a comma must all hold. Throws "invalid" for a filter that is none. Pure.
 */
export function compileCacheFilters(filters: readonly string[]): (record: BuildCacheRecord) => boolean {
  const compiled = filters.filter((text) => text !== "").map(parseFilter);
  return (record) =>
    compiled.length === 0 || compiled.some((all) => all.every((condition) => holds(condition, record)));
}

function parseFilter(text: string): readonly Condition[] {
  return text.split(",").map((part) => {
    const match = /^([a-z]+)(?:(==|!=|~=)(.*))?$/.exec(part.trim());
    const [, field = "", operator, value = ""] = match ?? [];
    const name = field === "parent" ? "parents" : field;
    if (!fields.includes(name))
      throw new Failure("invalid", `cannot use the filter "${part}": its field is unknown`);
    const quoted = /^"(.*)"$/.exec(value);
    return {
      field: name,
      operator: operator === "==" || operator === "!=" || operator === "~=" ? operator : "present",
      value: quoted?.[1] ?? value,
    };
  });
}

function holds({ field, operator, value }: Condition, record: BuildCacheRecord): boolean {
  const texts = valuesOf(field, record);
  switch (operator) {
    case "present":
      return texts.length > 0;
    case "==":
      return isFlag(field) ? texts.length > 0 === (value !== "false") : texts.includes(value);
    case "!=":
      return isFlag(field) ? texts.length > 0 === (value === "false") : !texts.includes(value);
    case "~=":
      // SAFETY: a pattern of a client is compared as text: some take exponential time.
      return texts.some((text) => text.includes(value));
    default:
      return operator satisfies never;
  }
}

function isFlag(field: string): boolean {
  return ["inuse", "mutable", "immutable", "shared", "private"].includes(field);
}

function valuesOf(field: string, record: BuildCacheRecord): readonly string[] {
  const flag = (is: boolean): readonly string[] => (is ? [""] : []);
  switch (field) {
    case "id":
      return [record.id];
    case "parents":
      return record.parents;
    case "description":
      return [record.description];
    case "type":
      return [record.kind];
    case "inuse":
      return flag(record.inUse);
    case "mutable":
      return flag(record.mutable);
    case "immutable":
      return flag(!record.mutable);
    case "shared":
      return flag(record.shared);
    default:
      return flag(!record.shared);
  }
}
