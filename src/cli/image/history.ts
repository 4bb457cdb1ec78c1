import type { ImageHistoryItem } from "../../api/types/image.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import { formatHumanDuration } from "../../base/duration.ts";
import { formatRfc3339 } from "../../base/timestamp.ts";
import type { Command } from "../command.ts";
import { listFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { platformFlag } from "../flags/platform.ts";
import { formatRows, type Listing, type Row } from "../format/rows.ts";
import { ellipsize, shortId } from "../format/text.ts";

interface Values {
  readonly format: string;
  readonly human: boolean;
  readonly "no-trunc": boolean;
  readonly platform: string;
  readonly quiet: boolean;
}

const listing: Listing = {
  rowName: "history",
  headings: {
    ID: "IMAGE",
    CreatedSince: "CREATED",
    CreatedAt: "CREATED AT",
    CreatedBy: "CREATED BY",
    Size: "SIZE",
    Comment: "COMMENT",
  },
  table: ["ID", "CreatedSince", "CreatedBy", "Size", "Comment"].map((name) => `{{.${name}}}`).join("\t"),
  quiet: "{{.ID}}",
};

export const history: Command<Values> = {
  usage: "[OPTIONS] IMAGE",
  takes: [1, 1],
  flags: {
    format: listFormat,
    human: bool("Print sizes and dates in human readable format", { short: "H", initial: true }),
    "no-trunc": bool("Don't truncate output"),
    platform: platformFlag("Show history for the given platform"),
    quiet: bool("Only show image IDs", { short: "q" }),
  },
  completes: ["image", "none"],
  async run(call) {
    const { values, positional } = call;
    const client = await call.client();
    const items = await client.images.history(
      positional[0] ?? "",
      values.platform === "" ? {} : { platform: values.platform },
    );
    const nowMs = Date.now();
    const rows = items.map((item) => historyRow(item, values, nowMs));
    const { format, quiet: isQuiet } = values;
    call.out(formatRows(rows, values.human ? listing : exactListing(), { format, isQuiet }));
    return 0;
  },
};

/** With `--human=false` dates are dates. */
function exactListing(): Listing {
  return { ...listing, table: listing.table.replace("CreatedSince", "CreatedAt") };
}

function historyRow(item: ImageHistoryItem, { human, "no-trunc": isWhole }: Values, nowMs: number): Row {
  const { Id, Created, CreatedBy, Size, Comment } = item;
  const createdBy = CreatedBy.replaceAll("\t", " ");
  return {
    ID: isWhole ? Id : shortId(Id),
    CreatedSince: Created === 0 ? "N/A" : `${formatHumanDuration(nowMs - Created * 1000)} ago`,
    CreatedAt: Created === 0 ? "N/A" : formatRfc3339(BigInt(Created) * 1_000_000_000n),
    CreatedBy: isWhole ? createdBy : ellipsize(createdBy, 45),
    Size: human ? formatByteSize(Size, 3) : String(Size),
    Comment,
  };
}
