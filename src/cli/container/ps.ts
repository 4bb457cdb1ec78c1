import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { filterFlag, listFormat } from "../flags/filters.ts";
import { bool, int } from "../flags/kinds.ts";
import { containerListing, containerRow } from "../format/container-row.ts";
import { findReach, formatReach, isReachShown, summarizeReach } from "../format/reach.ts";
import { formatRows } from "../format/rows.ts";

interface Values {
  readonly all: boolean;
  readonly cri: boolean;
  readonly filter: Filters;
  readonly format: string;
  readonly last: number | undefined;
  readonly latest: boolean;
  readonly "no-trunc": boolean;
  readonly pod: boolean;
  readonly quiet: boolean;
  readonly size: boolean;
}

export const ps: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    all: bool("Show all containers (default shows just running)", { short: "a" }),
    cri: bool("Show the containers that Kubernetes has created through the CRI (not in Docker)"),
    filter: filterFlag,
    format: { ...listFormat, configKey: "psFormat" },
    last: int("Show n last created containers (includes all states)", { short: "n", initialText: "-1" }),
    latest: bool("Show the latest created container (includes all states)", { short: "l" }),
    "no-trunc": bool("Don't truncate output"),
    pod: bool("Show the pod of each container (not in Docker)", { short: "p" }),
    quiet: bool("Only display container IDs", { short: "q" }),
    size: bool("Display total file sizes", { short: "s" }),
  },
  examples: ["tare ps -a", "tare ps --filter status=exited --format '{{.Names}}: {{.Status}}'"],
  async run(call) {
    const { values } = call;
    const { format, filter: filters, quiet: isQuiet } = values;
    const limit = values.latest ? 1 : (values.last ?? -1);
    const size = values.size || /\.Size\b/.test(format);
    const client = await call.leanClient();
    const containers = await client.containers.list({
      all: values.all,
      filters: values.cri ? { ...filters, realm: ["cri"] } : filters,
      size,
      limit: limit > 0 ? limit : undefined,
    });
    if (isQuiet && format !== "" && format !== "table") {
      call.err("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
    }
    const nowMs = Date.now();
    const isSeen = isReachShown(call.context.stdout) && !isQuiet && ["", "table"].includes(format);
    const isPublished = containers.some(({ Ports }) =>
      Ports?.some(({ PublicPort }) => PublicPort !== undefined),
    );
    const reach =
      isPublished && (isSeen || /\.Reach\b/.test(format))
        ? await findReach(await call.client(), call.signal)
        : [];
    const rows = containers.map((container) =>
      containerRow(container, {
        isWhole: values["no-trunc"],
        nowMs,
        reach: formatReach(reach, container.Id),
        shownReach: isSeen ? summarizeReach(reach, container.Id) : undefined,
      }),
    );
    call.out(
      formatRows(rows, containerListing({ hasSize: values.size, hasPod: values.pod }), { format, isQuiet }),
    );
    return 0;
  },
};
