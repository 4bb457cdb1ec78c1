import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { filterFlag, listFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { formatRows } from "../format/rows.ts";
import { byName, volumeListing, volumeRow } from "../format/volume-row.ts";

interface Values {
  readonly filter: Filters;
  readonly format: string;
  readonly quiet: boolean;
}

export const volumeLs: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    filter: { ...filterFlag, usage: 'Provide filter values (e.g. "dangling=true")' },
    format: { ...listFormat, configKey: "volumesFormat" },
    quiet: bool("Only display volume names", { short: "q" }),
  },
  examples: ["tare volume ls --filter dangling=true", "tare volume ls --format '{{.Name}}: {{.Mountpoint}}'"],
  async run(call) {
    const { filter, format, quiet: isQuiet } = call.values;
    const client = await call.client();
    const { Volumes, Warnings } = await client.volumes.list(filter);
    for (const warning of Warnings ?? []) call.err(`WARNING: ${warning}\n`);
    // Unlike its other lists, Docker's takes the format here, also with --quiet.
    const useQuiet = isQuiet && (format === "" || format === "table");
    call.out(
      formatRows([...Volumes].sort(byName).map(volumeRow), volumeListing, { format, isQuiet: useQuiet }),
    );
    return 0;
  },
};
