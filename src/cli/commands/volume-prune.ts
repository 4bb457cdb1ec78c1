import type { Filters } from "../../api/filters.ts";
import { formatByteSize } from "../../base/byte-size.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { confirm } from "../prune/confirm.ts";
import { filterFlag } from "../flags/filters.ts";
import type { Flag } from "../flags/flag.ts";
import { bool } from "../flags/kinds.ts";

interface Values {
  readonly all: boolean;
  readonly filter: Filters;
  readonly force: boolean;
}

const { short: _, ...longFilter } = filterFlag;
const filter: Flag<Filters> = { ...longFilter, usage: 'Provide filter values (e.g. "label=<label>")' };

export const volumePrune: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    all: bool("Remove all unused volumes, not just anonymous ones", { short: "a" }),
    filter,
    force: bool("Do not prompt for confirmation", { short: "f" }),
  },
  examples: ["tare volume prune --all --filter label!=keep"],
  async run(call) {
    const { all, filter: asked, force } = call.values;
    if (all && asked["all"] !== undefined) {
      throw new Failure("invalid", "conflicting options: cannot specify both --all and --filter all=1");
    }
    const kind = all ? "all" : "anonymous";
    const question = `WARNING! This will remove ${kind} local volumes not used by at least one container.`;
    if (!force && !(await confirm(call, question))) return 0;
    const client = await call.client();
    const filters = all ? { ...asked, all: ["true"] } : asked;
    const { VolumesDeleted, SpaceReclaimed } = await client.volumes.prune(filters);
    const deleted = VolumesDeleted ?? [];
    if (deleted.length > 0) call.out(`Deleted Volumes:\n${deleted.join("\n")}\n\n`);
    call.out(`Total reclaimed space: ${formatByteSize(SpaceReclaimed, 4)}\n`);
    return 0;
  },
};
