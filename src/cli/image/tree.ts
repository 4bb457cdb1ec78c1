import { quoteControls } from "../../base/quote-controls.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { optionFailure } from "../flags/flag.ts";
import { bool, string } from "../flags/kinds.ts";

interface Values {
  readonly format: string;
  readonly "no-trunc": boolean;
}

const formats = ["text", "dot", "svg", "json"];

export const imageTree: Command<Values> = {
  usage: "[OPTIONS] [IMAGE...]",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: {
    format: string("Format: text, dot (for Graphviz), svg or json", { words: formats, initial: "text" }),
    "no-trunc": bool("Don't truncate output"),
  },
  completes: ["image"],
  description: "Shared layers appear once, with the layers and images that are built on them below.",
  examples: ["tare image tree", "tare image tree --format svg > images.svg", "tare image tree app:1 app:2"],
  async run(call) {
    const { values, positional } = call;
    const { format, "no-trunc": isWhole } = values;
    if (!formats.includes(format)) {
      throw optionFailure(`unknown format "${format}": use ${formats.join(", ")}`);
    }
    const client = await call.client();
    const tree = await client.images.tree(positional);
    call.out(quoteControls(await draw(format, tree, isWhole)));
    return 0;
  },
};

async function draw(
  format: string,
  tree: Parameters<typeof import("../format/image-tree/text.ts").drawTreeText>[0],
  isWhole: boolean,
): Promise<string> {
  switch (format) {
    case "text":
      return (await import("../format/image-tree/text.ts")).drawTreeText(tree, { isWhole });
    case "dot":
      return (await import("../format/image-tree/dot.ts")).drawTreeDot(tree, { isWhole });
    case "svg":
      return (await import("../format/image-tree/svg.ts")).drawTreeSvg(tree, { isWhole });
    case "json":
      return `${JSON.stringify(tree, undefined, 2)}\n`;
    default:
      throw new Failure("internal", `cannot draw the images as ${format}`);
  }
}
