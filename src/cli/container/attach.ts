import { detachKeysFlag } from "../flags/detach-keys.ts";
import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { joinContainer } from "./run/join.ts";
import { bool } from "../flags/kinds.ts";

interface Values {
  readonly "detach-keys": string;
  readonly "no-stdin": boolean;
  readonly "sig-proxy": boolean;
}

export const attach: Command<Values> = {
  usage: "[OPTIONS] CONTAINER",
  takes: [1, 1],
  flags: {
    "detach-keys": detachKeysFlag,
    "no-stdin": bool("Do not attach STDIN"),
    "sig-proxy": bool("Proxy all received signals to the process", { initial: true }),
  },
  completes: ["running", "none"],
  async run(call) {
    const { values, positional, context } = call;
    const [reference = ""] = positional;
    const client = await call.client();
    const { Id: id, State: state, Config: config } = await client.containers.inspect(reference);
    if (state.Paused) throw new Failure("conflict", "cannot attach to a paused container, unpause it first");
    if (state.Restarting)
      throw new Failure("conflict", "cannot attach to a restarting container, wait until it is running");
    if (!state.Running) throw new Failure("conflict", "cannot attach to a stopped container, start it first");
    const hasInput = !values["no-stdin"] && config.OpenStdin === true;
    if (config.Tty === true && hasInput && context.stdin.isTTY !== true) {
      throw new Failure("invalid", "the input device is not a TTY");
    }
    return await joinContainer(call, {
      id,
      isTerminal: config.Tty === true,
      hasInput,
      detachKeys: values["detach-keys"],
      proxiesSignals: values["sig-proxy"],
      condition: "not-running",
    });
  },
};
