import type { Command } from "../command.ts";
import { forEachReference } from "../each.ts";

export const manifestRm: Command<object> = {
  usage: "MANIFEST_LIST [MANIFEST_LIST...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {},
  completes: ["image"],
  examples: ["tare manifest rm localhost:5000/app:1"],
  async run(call) {
    const client = await call.client();
    return await forEachReference(call, async (name) => {
      await client.manifests.remove(name);
      return name;
    });
  },
};
