import type { Filters } from "../../api/http/filters.ts";
import type { Command } from "../command.ts";
import { filterFlag, listFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { imageListing, imageRows } from "../format/image-rows.ts";
import { formatRows } from "../format/rows.ts";

interface Values {
  readonly all: boolean;
  readonly digests: boolean;
  readonly filter: Filters;
  readonly format: string;
  readonly "no-trunc": boolean;
  readonly quiet: boolean;
}

export const images: Command<Values> = {
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  takes: [0, 1],
  flags: {
    all: bool("Show all images (default hides intermediate images)", { short: "a" }),
    digests: bool("Show digests"),
    filter: filterFlag,
    format: { ...listFormat, configKey: "imagesFormat" },
    "no-trunc": bool("Don't truncate output"),
    quiet: bool("Only show image IDs", { short: "q" }),
  },
  completes: ["image", "none"],
  async run(call) {
    const { values, positional } = call;
    const { all, format, quiet: isQuiet, "no-trunc": isWhole } = values;
    const [reference] = positional;
    const filters: Filters =
      reference === undefined ? values.filter : { ...values.filter, reference: [reference] };
    const client = await call.client();
    const found = await client.images.list({ all, filters });
    if (isQuiet && format !== "" && format !== "table") {
      call.err("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
    }
    const hasDigests = values.digests || /\.Digest\b/.test(format);
    const nowMs = Date.now();
    const rows = found.flatMap((image) => imageRows(image, { isWhole, hasDigests, nowMs }));
    call.out(formatRows(rows, imageListing({ hasDigests: values.digests }), { format, isQuiet }));
    return 0;
  },
};
