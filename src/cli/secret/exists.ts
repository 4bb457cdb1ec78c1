import { kindOf } from "../../base/failure.ts";
import type { Command } from "../command.ts";

export const secretExists: Command<object> = {
  usage: "SECRET",
  takes: [1, 1],
  flags: {},
  completes: ["secret"],
  description: "Ends with status 0 when there is one with this name or id, else with 1. Prints nothing.",
  examples: ["tare secret exists password || tare secret create password password.txt"],
  failureStatus: 125,
  async run(call) {
    const client = await call.client();
    try {
      await client.secrets.inspect(call.positional[0] ?? "");
      return 0;
    } catch (thrown) {
      if (kindOf(thrown) === "not-found") return 1;
      throw thrown;
    }
  },
};
