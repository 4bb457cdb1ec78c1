import { openArchive, readInput } from "../archive.ts";
import type { Command } from "../command.ts";
import { list, string } from "../flags/kinds.ts";
import { splitName } from "../image-name.ts";
import { displayProgress } from "../format/progress-display.ts";

interface Values {
  readonly change: readonly string[];
  readonly message: string;
  readonly platform: string;
}

export const importImage: Command<Values> = {
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  takes: [1, 2],
  flags: {
    change: list("Apply Dockerfile instruction to the created image", { short: "c" }),
    message: string("Set commit message for imported image", { short: "m" }),
    platform: string("Set platform if server is multi-platform capable"),
  },
  completes: ["file", "none"],
  examples: [
    "tar -C rootfs -c . | tare import - base:1",
    "tare import -c 'CMD [\"/bin/sh\"]' rootfs.tar base",
  ],
  async run(call) {
    const { values, positional, context, signal } = call;
    const [source = "", reference] = positional;
    const archive = /^https?:\/\//.test(source)
      ? new URL(source)
      : source === "-"
        ? readInput(context, "requested import from stdin, but stdin is a terminal: give a file")
        : await openArchive(source, context);
    const client = await call.client();
    const messages = client.images.import(archive, {
      ...(reference === undefined ? {} : splitName(reference)),
      message: values.message || undefined,
      platform: values.platform || undefined,
      changes: values.change,
      signal,
    });
    await displayProgress(messages, context.stdout);
    return 0;
  },
};
