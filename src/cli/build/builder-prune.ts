import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { pruneFilterFlag } from "../flags/filters.ts";
import { bool, bytes } from "../flags/kinds.ts";
import { confirm } from "../prune/confirm.ts";
import { formatReclaimed, formatRemoved } from "../prune/report.ts";

interface Values {
  readonly all: boolean;
  readonly filter: Filters;
  readonly force: boolean;
  readonly "keep-storage": number | undefined;
  readonly "max-used-space": number | undefined;
  readonly "min-free-space": number | undefined;
}

export const builderPrune: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    all: bool("Remove all unused build cache, not just dangling ones", { short: "a" }),
    filter: pruneFilterFlag("until=24h"),
    force: bool("Do not prompt for confirmation", { short: "f" }),
    "keep-storage": bytes("Amount of disk space always allowed to keep for cache", {
      also: ["reserved-space"],
    }),
    "max-used-space": bytes("Maximum amount of disk space allowed to keep for cache"),
    "min-free-space": bytes("Target amount of free disk space after pruning"),
  },
  examples: ["tare builder prune -f --filter until=72h", "tare builder prune -af --keep-storage 5g"],
  async run(call) {
    const { all, filter, force, "keep-storage": reservedBytes } = call.values;
    const { "max-used-space": maxUsedBytes, "min-free-space": minFreeBytes } = call.values;
    const what = all ? "all build cache" : "all dangling build cache";
    if (!force && !(await confirm(call, `WARNING! This will remove ${what}.`))) return 0;
    const client = await call.client();
    const report = await client.builds.prune({
      all,
      filters: filter,
      reservedBytes,
      maxUsedBytes,
      minFreeBytes,
      signal: call.signal,
    });
    const removed = formatRemoved("Deleted build cache objects", report.CachesDeleted ?? []);
    call.out(`${removed}${formatReclaimed(report.SpaceReclaimed)}`);
    return 0;
  },
};
