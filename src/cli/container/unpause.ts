import type { Command } from "../command.ts";
import { containersAtOnce, forEachReference } from "../each.ts";

export const unpause: Command<object> = {
  usage: "CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {},
  completes: ["paused"],
  async run(call) {
    const client = await call.client();
    const work = async (reference: string): Promise<string> => {
      await client.containers.unpause(reference);
      return reference;
    };
    return await forEachReference(call, work, { atOnce: containersAtOnce });
  },
};
