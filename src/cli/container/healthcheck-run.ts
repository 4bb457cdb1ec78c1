import type { Command } from "../command.ts";

export const healthcheckRun: Command<object> = {
  usage: "CONTAINER",
  takes: [1, 1],
  flags: {},
  completes: ["running"],
  examples: ["tare healthcheck run web && echo healthy"],
  async run(call) {
    const [reference = ""] = call.positional;
    const client = await call.client();
    const { Status, Log } = await client.containers.checkHealth(reference);
    if (Log.at(-1)?.ExitCode === 0) return 0;
    // SPEC: Podman prints "starting" for a failure that the start period excuses.
    call.out(`${Status === "starting" ? Status : "unhealthy"}\n`);
    return 1;
  },
};
