import { detachKeysFlag } from "../flags/detach-keys.ts";
import { Failure } from "../../base/failure.ts";
import type { Call, Command } from "../command.ts";
import { startRanks } from "./run/start-ranks.ts";
import { containersAtOnce, forEachReference } from "../each.ts";
import { bool, later, string } from "../flags/kinds.ts";

interface Values {
  readonly attach: boolean;
  readonly checkpoint: string;
  readonly "checkpoint-dir": string;
  readonly "detach-keys": string;
  readonly interactive: boolean;
}

export const start: Command<Values> = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    attach: bool("Attach STDOUT/STDERR and forward signals", { short: "a" }),
    checkpoint: later(string("Restore from this checkpoint")),
    "checkpoint-dir": later(string("Use a custom checkpoint storage directory")),
    "detach-keys": detachKeysFlag,
    interactive: bool("Attach container's STDIN", { short: "i" }),
  },
  completes: ["stopped"],
  async run(call) {
    const { values, positional } = call;
    if (values.attach || values.interactive) {
      if (positional.length > 1)
        throw new Failure("invalid", "you cannot start and attach multiple containers at once");
      return await startAttached(call, positional[0] ?? "");
    }
    const client = await call.client();
    const work = async (reference: string): Promise<string> => {
      await client.containers.start(reference);
      return reference;
    };
    const ranks = await startRanks(client, positional);
    return await forEachReference(call, work, { atOnce: containersAtOnce, ranks });
  },
};

async function startAttached(call: Call<Values>, reference: string): Promise<number> {
  const { values, context } = call;
  const { containers } = await call.client();
  const {
    Id: id,
    Config: config,
    HostConfig: hostConfig,
    State: state,
  } = await containers.inspect(reference);
  const hasInput = values.interactive && config.OpenStdin === true;
  if (config.Tty === true && hasInput && context.stdin.isTTY !== true) {
    throw new Failure("invalid", "the input device is not a TTY");
  }
  const { joinContainer } = await import("./run/join.ts");
  return await joinContainer(call, {
    id,
    isTerminal: config.Tty === true,
    hasInput,
    detachKeys: values["detach-keys"],
    proxiesSignals: true,
    condition: hostConfig.AutoRemove === true ? "removed" : state.Running ? "not-running" : "next-exit",
    start: async () => {
      await containers.start(id);
    },
  });
}
