import type { Command } from "../command.ts";

export const logout: Command<object> = {
  usage: "[SERVER]",
  takes: [0, 1],
  flags: {},
  completes: ["registry", "none"],
  description: "Without SERVER: Docker Hub.",
  examples: ["tare logout localhost:5000"],
  async run(call) {
    const [server = "docker.io"] = call.positional;
    const { domainOf, removeCredentials } = await import("../registry/save-credentials.ts");
    const domain = domainOf(server);
    const shown = domain === "docker.io" ? "https://index.docker.io/v1/" : domain;
    const removed = await removeCredentials(domain, call.context.env);
    call.out(removed ? `Removing login credentials for ${shown}\n` : `Not logged in to ${shown}\n`);
    return 0;
  },
};
