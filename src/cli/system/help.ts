import { Failure } from "../../base/failure.ts";
import type { Command, CommandTree } from "../command.ts";
import { didYouMean } from "../flags/suggest.ts";
import { formatCommandHelp, formatGroupHelp, formatHelp } from "../help.ts";
import { findCommand } from "../tree.ts";
import { commandWords } from "../unknown-command.ts";

/** The nearest topic. */
function hintFor(commands: CommandTree, [first = "", second]: readonly string[]): string {
  const isGroup = second !== undefined && Object.hasOwn(commands.groups, first);
  return isGroup
    ? didYouMean(second, commandWords(commands, first))
    : didYouMean(first, commandWords(commands));
}

export const help: Command<object> = {
  usage: "[COMMAND]",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: {},
  completes: ["command"],
  async run(call) {
    const { positional, context } = call;
    const commands = await call.commands();
    const { columns } = context.stdout;
    const [first] = positional;
    const found = findCommand(commands, positional);
    if (first === undefined) call.out(formatHelp(commands, columns));
    else if (found !== undefined) {
      call.out(formatCommandHelp(found.entry, found.name, await found.entry.load(), columns));
    } else if (positional.length === 1 && Object.hasOwn(commands.groups, first))
      call.out(formatGroupHelp(commands, first));
    else
      throw new Failure(
        "invalid",
        `unknown help topic: ${positional.join(" ")}${hintFor(commands, positional)}`,
      );
    return 0;
  },
};
