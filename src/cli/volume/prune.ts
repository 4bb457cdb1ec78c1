import type { Filters } from "../../api/http/filters.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { confirm } from "../prune/confirm.ts";
import { withPruneFilters } from "../prune/prune-filters.ts";
import { formatReclaimed, formatVolumesReport } from "../prune/report.ts";
import { pruneFilterFlag } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";

interface Values {
  readonly all: boolean;
  readonly filter: Filters;
  readonly force: boolean;
}

export const volumePrune: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    all: bool("Remove all unused volumes, not just anonymous ones", { short: "a" }),
    filter: pruneFilterFlag("label=<label>"),
    force: bool("Do not prompt for confirmation", { short: "f" }),
  },
  examples: ["tare volume prune --all --filter label!=keep"],
  async run(call) {
    const { all, force } = call.values;
    const asked = withPruneFilters(call.values.filter, call.context);
    if (all && asked["all"] !== undefined) {
      throw new Failure("invalid", "conflicting options: cannot specify both --all and --filter all=1");
    }
    const kind = all ? "all" : "anonymous";
    const question = `WARNING! This will remove ${kind} local volumes not used by at least one container.`;
    if (!force && !(await confirm(call, question))) return 0;
    const client = await call.client();
    const filters = all ? { ...asked, all: ["true"] } : asked;
    const report = await client.volumes.prune(filters);
    call.out(`${formatVolumesReport(report)}${formatReclaimed(report.SpaceReclaimed)}`);
    return 0;
  },
};
