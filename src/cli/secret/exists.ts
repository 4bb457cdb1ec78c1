import { kindOf } from "../../base/failure.ts";
import type { Command } from "../command.ts";

export const secretExists: Command<object> = {
  usage: "SECRET",
  takes: [1, 1],
  flags: {},
  completes: ["secret"],
  description: "Exit status: 0 if a secret with this name or ID exists, 1 if not. Prints nothing.",
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
