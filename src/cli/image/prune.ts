import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { pruneFilterFlag } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { confirm } from "../prune/confirm.ts";
import { withPruneFilters } from "../prune/prune-filters.ts";
import { formatImagesReport, formatReclaimed } from "../prune/report.ts";

interface Values {
  readonly all: boolean;
  readonly filter: Filters;
  readonly force: boolean;
}

export const imagePrune: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    all: bool("Remove all unused images, not just dangling ones", { short: "a" }),
    filter: pruneFilterFlag("until=<timestamp>"),
    force: bool("Do not prompt for confirmation", { short: "f" }),
  },
  examples: ["tare image prune", "tare image prune -a --filter until=240h"],
  async run(call) {
    const { all, force } = call.values;
    const filter = withPruneFilters(call.values.filter, call.context);
    const what = all ? "images without at least one container associated to them" : "dangling images";
    if (!force && !(await confirm(call, `WARNING! This will remove all ${what}.`))) return 0;
    const client = await call.client();
    const report = await client.images.prune({ ...filter, dangling: [String(!all)] });
    call.out(`${formatImagesReport(report)}${formatReclaimed(report.SpaceReclaimed)}`);
    return 0;
  },
};
