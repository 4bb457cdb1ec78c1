import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { pruneFilterFlag } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { confirm } from "../prune/confirm.ts";
import { withPruneFilters } from "../prune/prune-filters.ts";
import { formatContainersReport, formatReclaimed } from "../prune/report.ts";

interface Values {
  readonly filter: Filters;
  readonly force: boolean;
}

export const containerPrune: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    filter: pruneFilterFlag("until=<timestamp>"),
    force: bool("Do not prompt for confirmation", { short: "f" }),
  },
  examples: ["tare container prune --filter until=24h", "tare container prune -f --filter label=scratch"],
  async run(call) {
    const { force } = call.values;
    const filter = withPruneFilters(call.values.filter, call.context);
    if (!force && !(await confirm(call, "WARNING! This will remove all stopped containers."))) return 0;
    const client = await call.client();
    const report = await client.containers.prune(filter);
    call.out(`${formatContainersReport(report)}${formatReclaimed(report.SpaceReclaimed)}`);
    return 0;
  },
};
