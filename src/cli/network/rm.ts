import { Failure, kindOf } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { forEachReference } from "../each.ts";
import { bool } from "../flags/kinds.ts";

interface Values {
  readonly force: boolean;
}

export const networkRm: Command<Values> = {
  usage: "NETWORK [NETWORK...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: { force: bool("Do not error if the network does not exist", { short: "f" }) },
  completes: ["network"],
  examples: ["tare network rm backend"],
  async run(call) {
    const { force } = call.values;
    const client = await call.client();
    return await forEachReference(call, async (reference) => {
      try {
        await client.networks.remove(reference);
      } catch (thrown) {
        if (!force || !(thrown instanceof Failure) || kindOf(thrown) !== "not-found") throw thrown;
      }
      return reference;
    });
  },
};
