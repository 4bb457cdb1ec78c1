import type { Command } from "../command.ts";
import { forEachReference } from "../each.ts";

export const unpause: Command<object> = {
  usage: "CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {},
  completes: ["paused"],
  async run(call) {
    const client = await call.client();
    return await forEachReference(call, async (reference) => {
      await client.containers.unpause(reference);
      return reference;
    });
  },
};
