import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { filterFlag, listFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { formatRows } from "../format/rows.ts";
import { byName, networkListing, networkRow } from "../format/network-row.ts";

interface Values {
  readonly filter: Filters;
  readonly format: string;
  readonly "no-trunc": boolean;
  readonly quiet: boolean;
}

export const networkLs: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    filter: { ...filterFlag, usage: 'Provide filter values (e.g. "driver=bridge")' },
    format: { ...listFormat, configKey: "networksFormat" },
    "no-trunc": bool("Do not truncate the output"),
    quiet: bool("Only display network IDs", { short: "q" }),
  },
  examples: ["tare network ls --filter driver=bridge", "tare network ls --format '{{.Name}}: {{.Driver}}'"],
  async run(call) {
    const { filter, format, "no-trunc": isWhole, quiet: isQuiet } = call.values;
    const client = await call.client();
    const found = await client.networks.list(filter);
    const rows = [...found].sort(byName).map((network) => networkRow(network, { isWhole }));
    const useQuiet = isQuiet && (format === "" || format === "table");
    call.out(formatRows(rows, networkListing, { format, isQuiet: useQuiet }));
    return 0;
  },
};
