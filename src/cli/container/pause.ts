import type { Command } from "../command.ts";
import { containersAtOnce, forEachReference } from "../each.ts";

export const pause: Command<object> = {
  usage: "CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {},
  completes: ["running"],
  async run(call) {
    const client = await call.client();
    const work = async (reference: string): Promise<string> => {
      await client.containers.pause(reference);
      return reference;
    };
    return await forEachReference(call, work, { atOnce: containersAtOnce });
  },
};
