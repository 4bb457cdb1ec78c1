import { LeanClient } from "../client/lean-client.ts";
import type { CliContext } from "../cli/context.ts";
import type { CommandOutput, CommandRunner } from "../daemon/handler.ts";
import { build } from "./build.ts";
import { connector, widen } from "./connect.ts";

/** Runs commands in the daemon, which they ask at its socket like others. It is loaded with the first one. */
export function commandRunner(socketPath: string): CommandRunner {
  return {
    async accepts(words) {
      const { runsInDaemon } = await import("../cli/daemon-commands.ts");
      return runsInDaemon(words);
    },

    async run(words, { output, signal }) {
      const { main } = await import("../cli/main.ts");
      using client = new LeanClient({ host: `unix://${socketPath}`, buildId: build.id, connector });
      const leave = (): void => client[Symbol.dispose]();
      signal.addEventListener("abort", leave);
      if (signal.aborted) leave();
      try {
        return await main(words, contextOf(output, client));
      } finally {
        signal.removeEventListener("abort", leave);
      }
    },
  };
}

function contextOf(output: CommandOutput, client: LeanClient): CliContext {
  return {
    ...output,
    build,
    connect: async () => client,
    widen,
    // The launcher sends no command that the client's configuration changes: there is none here.
    env: { DOCKER_CONFIG: "/nonexistent" },
    get stdin() {
      return none();
    },
    get cwd() {
      return none();
    },
    hasContent: () => false,
    become: none,
    sendDescriptors: none,
    repair: none,
    confirmRepair: none,
    checkHost: none,
  };
}

function none(): never {
  throw new Error("a command in the daemon has nothing of its client's process");
}
