import { Failure } from "../../base/failure.ts";
import { writeArchive } from "../archive.ts";
import type { Command } from "../command.ts";
import { string } from "../flags/kinds.ts";
import { platformFlag } from "../flags/platform.ts";
import { writeAll } from "../terminal/write.ts";

interface Values {
  readonly output: string;
  readonly platform: string;
}

export const save: Command<Values> = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    output: string("Write to a file, instead of STDOUT", { short: "o", isFile: true }),
    platform: platformFlag("Save only the given platform variant"),
  },
  completes: ["image"],
  description:
    "The archive is a docker-archive and an OCI layout at once. A repository without a tag stands for all its tags.",
  examples: ["tare save -o app.tar app:1", "tare save app | docker load"],
  async run(call) {
    const { values, positional, context, signal } = call;
    if (values.output === "" && context.stdout.isTTY === true) {
      throw new Failure("invalid", "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    const client = await call.client();
    const archive = await client.images.save(positional, {
      signal,
      ...(values.platform === "" ? {} : { platform: values.platform }),
    });
    if (values.output !== "") await writeArchive(values.output, archive, context);
    else for await (const chunk of archive) await writeAll(context.stdout, chunk);
    return 0;
  },
};
