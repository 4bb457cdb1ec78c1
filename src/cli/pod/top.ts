import { quoteControls } from "../../base/quote-controls.ts";
import type { Client } from "../../client/client.ts";
import type { Command } from "../command.ts";
import { Failure } from "../../base/failure.ts";
import { alignColumns } from "../format/table-writer.ts";
import { stats } from "../container/stats.ts";

export const podTop: Command<object> = {
  usage: "POD [ps OPTIONS]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {},
  optionsEnd: "first",
  completes: ["pod", "none"],
  examples: ["tare pod top web", "tare pod top web -o pid,etime,args"],
  async run(call) {
    const [reference = "", ...options] = call.positional;
    const client = await call.client();
    const names = await runningIn(client, reference);
    const tables = await Promise.all(names.map((name) => client.containers.top(name, options.join(" "))));
    const lines = [tables[0]?.Titles ?? [], ...tables.flatMap(({ Processes }) => Processes)];
    const text = lines.map((cells) => `${cells.join("\t")}\n`).join("");
    call.out(alignColumns(quoteControls(text), { minimumWidth: 20, padding: 3 }));
    return 0;
  },
};

export const podStats: typeof stats = {
  ...stats,
  usage: "[OPTIONS] POD [POD...]",
  takes: [1, Number.POSITIVE_INFINITY],
  completes: ["pod"],
  examples: ["tare pod stats web", "tare pod stats --no-stream --format '{{.Name}}: {{.CPUPerc}}' web"],
  async run(call) {
    const client = await call.client();
    const found = await Promise.all(call.positional.map((reference) => runningIn(client, reference)));
    return await stats.run({ ...call, positional: found.flat() });
  },
};

/** Throws where nothing runs: of that there are no processes and no figures. */
async function runningIn(client: Client, reference: string): Promise<readonly string[]> {
  const { Name, Containers } = await client.pods.inspect(reference);
  const names = Containers.flatMap((container) => (container.State === "running" ? [container.Name] : []));
  if (names.length > 0) return names;
  throw new Failure("conflict", `pod "${Name}" is not running`);
}
