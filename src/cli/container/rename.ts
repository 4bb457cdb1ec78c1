import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";

export const rename: Command<object> = {
  usage: "CONTAINER NEW_NAME",
  takes: [2, 2],
  flags: {},
  completes: ["container", "none"],
  async run(call) {
    const [reference = "", name = ""] = call.positional.map((word) => word.trim());
    if (reference === "" || name === "") {
      throw new Failure("invalid", "Neither old nor new names may be empty");
    }
    const client = await call.client();
    await client.containers.rename(reference, name);
    return 0;
  },
};
