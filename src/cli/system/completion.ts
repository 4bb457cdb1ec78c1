import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { completionScript, shells } from "../completion/scripts.ts";

export const completion: Command<object> = {
  usage: `{${shells.join("|")}}`,
  takes: [1, 1],
  flags: {},
  examples: [
    "source <(tare completion bash)",
    "tare completion zsh > ~/.zfunc/_tare",
    "tare completion fish > ~/.config/fish/completions/tare.fish",
  ],
  async run(call) {
    const [shell = ""] = call.positional;
    const script = completionScript(shell);
    if (script === undefined) {
      throw new Failure("invalid", `cannot complete for shell "${shell}": want one of ${shells.join(", ")}`);
    }
    call.out(script);
    return 0;
  },
};
