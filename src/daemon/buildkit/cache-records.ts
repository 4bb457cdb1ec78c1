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
