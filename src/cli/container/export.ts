import { Failure } from "../../base/failure.ts";
import { writeArchive } from "../archive.ts";
import type { Command } from "../command.ts";
import { string } from "../flags/kinds.ts";
import { writeAll } from "../terminal/write.ts";

interface Values {
  readonly output: string;
}

export const exportContainer: Command<Values> = {
  usage: "[OPTIONS] CONTAINER",
  takes: [1, 1],
  flags: { output: string("Write to a file, instead of STDOUT", { short: "o" }) },
  completes: ["container", "none"],
  examples: ["tare export web | tar -t", "tare export -o web.tar web"],
  async run(call) {
    const { values, positional, context, signal } = call;
    if (values.output === "" && context.stdout.isTTY === true) {
      throw new Failure("invalid", "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    const client = await call.client();
    const archive = await client.containers.export(positional[0] ?? "", { signal });
    if (values.output !== "") await writeArchive(values.output, archive, context);
    else for await (const chunk of archive) await writeAll(context.stdout, chunk);
    return 0;
  },
};
