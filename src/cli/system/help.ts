import { Failure } from "../../base/failure.ts";
import type { Command } from "../command.ts";
import { formatCommandHelp, formatGroupHelp, formatHelp } from "../help.ts";
import { findCommand } from "../tree.ts";

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
    else throw new Failure("invalid", `unknown help topic: ${positional.join(" ")}`);
    return 0;
  },
};
