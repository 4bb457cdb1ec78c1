import type { Filters } from "../../api/http/filters.ts";
import { compileCacheQuery, type FilteredRecord } from "../../api/image/cache-filters.ts";
import type { BuildCacheRow } from "../../api/types/usage.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import { formatHumanDuration } from "../../base/duration.ts";
import type { Command } from "../command.ts";
import { filterFlag, listFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { formatRows, type Listing, type Row } from "../format/rows.ts";

interface Values {
  readonly filter: Filters;
  readonly format: string;
  readonly verbose: boolean;
}

const listing: Listing = {
  rowName: "build cache",
  headings: {
    ID: "ID",
    Type: "TYPE",
    Description: "DESCRIPTION",
    Reclaimable: "RECLAIMABLE",
    Shared: "SHARED",
    Size: "SIZE",
    CreatedAt: "CREATED",
    LastUsedSince: "LAST ACCESSED",
    UsageCount: "USAGE",
  },
  table: "{{.ID}}\t{{.Reclaimable}}\t{{.Size}}\t{{.LastUsedSince}}",
};

const verboseTable =
  "table {{.ID}}\t{{.Type}}\t{{.Reclaimable}}\t{{.Shared}}\t{{.Size}}\t{{.UsageCount}}\t{{.LastUsedSince}}\t{{.Description}}";

export const builderDu: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    filter: { ...filterFlag, short: undefined },
    format: listFormat,
    verbose: bool("Provide a more verbose output"),
  },
  examples: ["tare builder du", "tare builder du --verbose", "tare builder du --filter type=exec.cachemount"],
  async run(call) {
    const { filter, format, verbose } = call.values;
    const isSelected = compileCacheQuery(filter);
    const client = await call.client();
    const { BuildCache } = await client.system.usage({ types: ["build-cache"], signal: call.signal });
    const records = (BuildCache ?? []).filter((record) => isSelected(filteredOf(record)));
    const rows = records.map((record) =>
      rowOf(record, { nowMs: Date.now(), isWhole: verbose || format !== "" }),
    );
    const isTable = format === "" || format === "table";
    call.out(formatRows(rows, listing, { format: isTable && verbose ? verboseTable : format }));
    if (isTable) call.out(formatSums(records));
    return 0;
  },
};

/** SPEC: docker buildx du: what can still change is a cache mount. */
function filteredOf(record: BuildCacheRow): FilteredRecord {
  const {
    ID: id,
    Type: kind,
    Parents,
    Description: description,
    InUse,
    Shared,
    CreatedAt,
    LastUsedAt,
  } = record;
  return {
    id,
    kind,
    description,
    parents: Parents ?? [],
    inUse: InUse,
    shared: Shared,
    mutable: kind === "exec.cachemount",
    createdAtMs: Date.parse(CreatedAt),
    lastUsedAtMs: LastUsedAt === null ? undefined : Date.parse(LastUsedAt),
  };
}

function rowOf(
  record: BuildCacheRow,
  { nowMs, isWhole }: { readonly nowMs: number; readonly isWhole: boolean },
): Row {
  const { ID: id, Type, Description, InUse, Shared, Size, CreatedAt, LastUsedAt, UsageCount } = record;
  return {
    ID: isWhole ? id : id.replace(/^sha256:/, "").slice(0, 25),
    Type,
    Description,
    Reclaimable: String(!InUse),
    Shared: String(Shared),
    Size: formatByteSize(Size),
    CreatedAt,
    LastUsedSince: LastUsedAt === null ? "" : `${formatHumanDuration(nowMs - Date.parse(LastUsedAt))} ago`,
    UsageCount: String(UsageCount),
  };
}

function formatSums(records: readonly BuildCacheRow[]): string {
  const sum = (isMeant: (record: BuildCacheRow) => boolean): string =>
    formatByteSize(records.filter(isMeant).reduce((total, { Size }) => total + Size, 0));
  return [
    `Shared:\t\t${sum(({ Shared }) => Shared)}`,
    `Private:\t${sum(({ Shared }) => !Shared)}`,
    `Reclaimable:\t${sum(({ InUse }) => !InUse)}`,
    `Total:\t\t${sum(() => true)}`,
    "",
  ].join("\n");
}
