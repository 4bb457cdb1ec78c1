import type { Command } from "../command.ts";
import { forEachReference } from "../each.ts";

export const pause: Command<object> = {
  usage: "CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {},
  completes: ["running"],
  async run(call) {
    const client = await call.client();
    return await forEachReference(call, async (reference) => {
      await client.containers.pause(reference);
      return reference;
    });
  },
};
