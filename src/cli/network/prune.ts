import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { pruneFilterFlag } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { confirm } from "../prune/confirm.ts";
import { withPruneFilters } from "../prune/prune-filters.ts";
import { formatNetworksReport } from "../prune/report.ts";

interface Values {
  readonly filter: Filters;
  readonly force: boolean;
}

export const networkPrune: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    filter: pruneFilterFlag("until=<timestamp>"),
    force: bool("Do not prompt for confirmation", { short: "f" }),
  },
  examples: ["tare network prune --filter until=24h"],
  async run(call) {
    const { force } = call.values;
    const filter = withPruneFilters(call.values.filter, call.context);
    const question = "WARNING! This will remove all custom networks not used by at least one container.";
    if (!force && !(await confirm(call, question))) return 0;
    const client = await call.client();
    call.out(formatNetworksReport(await client.networks.prune(filter)));
    return 0;
  },
};
