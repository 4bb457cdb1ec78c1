import { resolve } from "node:path";
import { Failure } from "../../base/failure.ts";
import { writeArchive } from "../archive.ts";
import type { Command } from "../command.ts";
import { optionFailure } from "../flags/flag.ts";
import { string } from "../flags/kinds.ts";
import { platformFlag } from "../flags/platform.ts";
import { writeAll } from "../terminal/write.ts";

interface Values {
  readonly format: string;
  readonly output: string;
  readonly platform: string;
}

const formats = ["docker-archive", "oci-archive", "oci-dir"];

export const save: Command<Values> = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: {
    format: string("Format: an archive (docker-archive, oci-archive), or a directory (oci-dir)", {
      words: formats,
      initial: "oci-archive",
    }),
    output: string("Write to a file, instead of STDOUT", { short: "o", isFile: true }),
    platform: platformFlag("Save only the given platform variant"),
  },
  completes: ["image"],
  description:
    "The archive is a docker-archive and an OCI layout at once. A repository without a tag stands for all its tags. In a directory that holds an OCI layout already, the images are added to it.",
  examples: [
    "tare save -o app.tar app:1",
    "tare save app | docker load",
    "tare save --format oci-dir -o layout app:1",
  ],
  async run(call) {
    const { values, positional, context, signal } = call;
    if (!formats.includes(values.format)) {
      throw optionFailure(`unknown format "${values.format}": use ${formats.join(", ")}`);
    }
    const isDirectory = values.format === "oci-dir";
    if (isDirectory && values.output === "")
      throw optionFailure("--format oci-dir needs a directory: -o DIR");
    if (values.output === "" && context.stdout.isTTY === true) {
      throw new Failure("invalid", "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    const client = await call.client();
    const archive = await client.images.save(positional, {
      signal,
      platform: values.platform || undefined,
    });
    if (isDirectory) {
      const { writeLayout } = await import("../layout/write-layout.ts");
      await writeLayout(resolve(context.cwd, values.output), archive);
    } else if (values.output !== "") await writeArchive(values.output, archive, context);
    else for await (const chunk of archive) await writeAll(context.stdout, chunk);
    return 0;
  },
};
