import type { Command } from "../command.ts";
import { forEachReference } from "../each.ts";
import { bool } from "../flags/kinds.ts";

interface Values {
  readonly force: boolean;
}

export const volumeRm: Command<Values> = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: { force: bool("Force the removal of one or more volumes", { short: "f" }) },
  completes: ["volume"],
  description: "You cannot remove a volume that is in use by a container.",
  examples: ["tare volume rm data"],
  async run(call) {
    const { force } = call.values;
    const client = await call.client();
    return await forEachReference(call, async (name) => {
      await client.volumes.remove(name, { force });
      return name;
    });
  },
};
