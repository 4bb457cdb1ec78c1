import type { Filters } from "../../api/http/filters.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { pruneFilterFlag } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { confirm } from "../prune/confirm.ts";
import { withPruneFilters } from "../prune/prune-filters.ts";
import {
  formatContainersReport,
  formatImagesReport,
  formatNetworksReport,
  formatReclaimed,
  formatRemoved,
  formatVolumesReport,
} from "../prune/report.ts";

interface Values {
  readonly all: boolean;
  readonly filter: Filters;
  readonly force: boolean;
  readonly volumes: boolean;
}

export const systemPrune: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    all: bool("Remove all unused images not just dangling ones", { short: "a" }),
    filter: pruneFilterFlag("label=<key>=<value>"),
    force: bool("Do not prompt for confirmation", { short: "f" }),
    volumes: bool("Prune anonymous volumes"),
  },
  examples: ["tare system prune --volumes", "tare system prune -af --filter until=24h"],
  async run(call) {
    const { all, force, volumes } = call.values;
    const filter = withPruneFilters(call.values.filter, call.context);
    if (volumes && call.values.filter["until"] !== undefined) {
      throw new Failure("invalid", 'ERROR: The "until" filter is not supported with "--volumes"');
    }
    if (!force && !(await confirm(call, warningOf({ ...call.values, filter })))) return 0;
    const client = await call.client();
    const containers = await client.containers.prune(filter);
    call.out(formatContainersReport(containers));
    call.out(formatNetworksReport(await client.networks.prune(filter)));
    const pruned = volumes ? await client.volumes.prune(filter) : { VolumesDeleted: [], SpaceReclaimed: 0 };
    call.out(formatVolumesReport(pruned));
    const images = await client.images.prune({ ...filter, dangling: [String(!all)] });
    call.out(formatImagesReport(images));
    const { until = [], ...others } = filter;
    // The cache has no labels.
    const cache =
      Object.keys(others).length === 0
        ? await client.builds.prune({ all, filters: until.length === 0 ? {} : { until } })
        : { CachesDeleted: [], SpaceReclaimed: 0 };
    call.out(formatRemoved("Deleted build cache objects", cache.CachesDeleted ?? []));
    const reports = [containers, pruned, images, cache];
    call.out(formatReclaimed(reports.reduce((sum, { SpaceReclaimed }) => sum + SpaceReclaimed, 0)));
    return 0;
  },
};

function warningOf({ all, filter, volumes }: Values): string {
  const items = [
    "all stopped containers",
    "all networks not used by at least one container",
    ...(volumes ? ["all anonymous volumes not used by at least one container"] : []),
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
