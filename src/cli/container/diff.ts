import { quoteControls } from "../../base/quote-controls.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";

const letters = ["C", "A", "D"] as const;

export const diff: Command<object> = {
  usage: "CONTAINER",
  takes: [1, 1],
  flags: {},
  completes: ["container", "none"],
  async run(call) {
    const [reference = ""] = call.positional;
    if (reference === "") throw new Failure("invalid", "Container name cannot be empty");
    const client = await call.client();
    const changes = (await client.containers.changes(reference)) ?? [];
    call.out(
      changes
        .map(({ Path, Kind }) => `${letters[Kind]} ${quoteControls(Path.replaceAll("\n", "\\u000a"))}\n`)
        .join(""),
    );
    return 0;
  },
};
