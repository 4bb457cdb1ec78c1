import type { Filters } from "../../api/http/filters.ts";
import { Failure } from "../../base/failure.ts";
import type { Call, Command } from "../command.ts";
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
  readonly tree: boolean;
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
    tree: bool("List images with the platforms of each"),
  },
  completes: ["image", "none"],
  async run(call) {
    const { values, positional } = call;
    const { all, format, quiet: isQuiet, "no-trunc": isWhole } = values;
    const [reference] = positional;
    const filters: Filters =
      reference === undefined ? values.filter : { ...values.filter, reference: [reference] };
    if (values.tree) return await showTree(call, filters);
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

async function showTree(call: Call<Values>, filters: Filters): Promise<number> {
  const { values, given, context } = call;
  const refused = [
    ["quiet", values.quiet],
    ["no-trunc", values["no-trunc"]],
    ["digests", values.digests],
    ["format", given.has("format") && values.format !== ""],
  ] as const;
  const [other] = refused.find(([, isAsked]) => isAsked) ?? [];
  if (other !== undefined) throw new Failure("invalid", `--${other} is not yet supported with --tree`);
  const { formatImagesTree } = await import("../format/images-tree.ts");
  const client = await call.client();
  const found = await client.images.list({ all: values.all, manifests: true, filters });
  const isWhole = values.all || (filters["dangling"] ?? []).some((value) => /^(?:1|t|true)$/i.test(value));
  const { stdout, env } = context;
  call.out(
    formatImagesTree(isWhole ? found : found.filter(({ RepoTags: tags }) => tags.length > 0), {
      columns: stdout.isTTY === true ? (stdout.columns ?? 80) : undefined,
      hasColors: stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "",
    }),
  );
  return 0;
}
