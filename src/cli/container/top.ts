import { quoteControls } from "../../base/quote-controls.ts";
import type { Command } from "../command.ts";
import { alignColumns } from "../format/table-writer.ts";

export const top: Command<object> = {
  usage: "CONTAINER [ps OPTIONS]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {},
  optionsEnd: "first",
  completes: ["running", "none"],
  examples: ["tare top web", "tare top web aux", "tare top web -o pid,etime,args"],
  async run(call) {
    const [reference = "", ...options] = call.positional;
    const client = await call.client();
    const { Titles, Processes } = await client.containers.top(reference, options.join(" "));
    const text = [Titles, ...Processes].map((cells) => `${cells.join("\t")}\n`).join("");
    call.out(alignColumns(quoteControls(text), { minimumWidth: 20, padding: 3 }));
    return 0;
  },
};
