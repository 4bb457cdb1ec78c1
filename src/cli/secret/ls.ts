import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { filterFlag, listFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { formatRows } from "../format/rows.ts";
import { secretListing, secretRow } from "../format/secret-row.ts";

interface Values {
  readonly filter: Filters;
  readonly format: string;
  readonly noheading: boolean;
  readonly quiet: boolean;
}

export const secretLs: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    filter: { ...filterFlag, usage: 'Filter output by "name=", "id=" or "label="' },
    format: listFormat,
    noheading: bool("Do not print headers", { short: "n" }),
    quiet: bool("Only display secret IDs", { short: "q" }),
  },
  examples: ["tare secret ls --filter name=pass", "tare secret ls --format '{{.Name}}: {{.UpdatedAt}}'"],
  async run(call) {
    const { filter, format, noheading, quiet: isQuiet } = call.values;
    const client = await call.client();
    const now = Date.now();
    const rows = (await client.secrets.list(filter)).map((secret) => secretRow(secret, now));
    const text = formatRows(rows, secretListing, { format, isQuiet });
    const hasHeading = !isQuiet && (format === "" || /^table( |$)/.test(format));
    call.out(noheading && hasHeading ? text.slice(text.indexOf("\n") + 1) : text);
    return 0;
  },
};
