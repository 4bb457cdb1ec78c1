import type { Filters } from "../../api/filters.ts";
import type { Command } from "../command.ts";
import { pruneFilterFlag } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { confirm } from "../prune/confirm.ts";
import { formatContainersReport, formatImagesReport, formatReclaimed } from "../prune/report.ts";

interface Values {
  readonly all: boolean;
  readonly filter: Filters;
  readonly force: boolean;
}

export const systemPrune: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    all: bool("Remove all unused images not just dangling ones", { short: "a" }),
    filter: pruneFilterFlag("label=<key>=<value>"),
    force: bool("Do not prompt for confirmation", { short: "f" }),
  },
  examples: ["tare system prune", "tare system prune -af --filter until=24h"],
  async run(call) {
    const { filter, force } = call.values;
    if (!force && !(await confirm(call, warningOf(call.values)))) return 0;
    const client = await call.client();
    const containers = await client.containers.prune(filter);
    call.out(formatContainersReport(containers));
    const images = await client.images.prune({ ...filter, dangling: [String(!call.values.all)] });
    call.out(formatImagesReport(images));
    call.out(formatReclaimed(containers.SpaceReclaimed + images.SpaceReclaimed));
    return 0;
  },
};

function warningOf({ all, filter }: Values): string {
  const items = [
    "all stopped containers",
    "all networks not used by at least one container",
    all ? "all images without at least one container associated to them" : "all dangling images",
    all ? "all build cache" : "unused build cache",
  ];
  const filters = Object.entries(filter).flatMap(([key, values]) => values.map((value) => `${key}=${value}`));
  const filtered =
    filters.length === 0
      ? []
      : ["", "  Items to be pruned will be filtered with:", ...listed(filters.toSorted())];
  return ["WARNING! This will remove:", ...listed(items), ...filtered, ""].join("\n");
}

function listed(items: readonly string[]): readonly string[] {
  return items.map((item) => `  - ${item}`);
}
