import type { Command } from "../command.ts";
import { containersAtOnce, forEachReference } from "../each.ts";
import { string } from "../flags/kinds.ts";

interface Values {
  readonly signal: string;
}

export const kill: Command<Values> = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: { signal: string("Signal to send to the container", { short: "s" }) },
  completes: ["running"],
  async run(call) {
    const { signal } = call.values;
    const client = await call.client();
    const work = async (reference: string): Promise<string> => {
      await client.containers.kill(reference, signal === "" ? {} : { signal });
      return reference;
    };
    return await forEachReference(call, work, { atOnce: containersAtOnce });
  },
};
