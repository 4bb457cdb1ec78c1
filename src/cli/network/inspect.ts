import type { Command } from "../command.ts";
import { objectFormat } from "../flags/filters.ts";
import { bool } from "../flags/kinds.ts";
import { type ImageValues, inspectAll } from "../system/inspect.ts";

interface Values extends ImageValues {
  readonly verbose: boolean;
}

export const networkInspect: Command<Values> = {
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    format: objectFormat,
    verbose: bool("Verbose output for diagnostics", { short: "v" }),
  },
  completes: ["network"],
  examples: ["tare network inspect --format '{{range .IPAM.Config}}{{.Subnet}}{{end}}' backend"],
  async run(call) {
    const client = await call.client();
    const { verbose } = call.values;
    return await inspectAll(call, (name) => client.networks.inspect(name, { verbose }));
  },
};
