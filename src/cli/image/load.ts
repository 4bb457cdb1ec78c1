import { openArchiveOrDirectory, readInput } from "../archive.ts";
import type { Command } from "../command.ts";
import { decryptionKeyFlag } from "../flags/decryption-key.ts";
import { bool, string } from "../flags/kinds.ts";
import { platformFlag } from "../flags/platform.ts";
import { displayProgress } from "../format/progress-display.ts";

interface Values {
  readonly "decryption-key": readonly string[];
  readonly input: string;
  readonly platform: string;
  readonly quiet: boolean;
}

export const load: Command<Values> = {
  usage: "[OPTIONS]",
  takes: [0, 0],
  flags: {
    "decryption-key": decryptionKeyFlag,
    input: string("Read from tar archive file, instead of STDIN", { short: "i", isFile: true }),
    platform: platformFlag("Load only the given platform variant"),
    quiet: bool("Suppress the load output", { short: "q" }),
  },
  description:
    "The archive is a docker-archive or an OCI archive, plain or compressed with gzip or zstd, or a directory with an OCI layout.",
  examples: [
    "tare load -i busybox.tar",
    "docker save busybox | tare load",
    "tare load -i layout/",
    "tare load --decryption-key key.pem -i secret.tar",
  ],
  async run(call) {
    const { values, context, signal } = call;
    const archive =
      values.input === ""
        ? readInput(context, "requested load from stdin, but stdin is empty: give the archive with --input")
        : await openArchiveOrDirectory(values.input, context);
    const { decryptionKeysOf } = await import("../registry/pull-image.ts");
    const decryptionKeys = await decryptionKeysOf(values["decryption-key"], context.cwd);
    const client = await call.client();
    const isQuiet = values.quiet || context.stdout.isTTY !== true;
    const messages = client.images.load(archive, {
      quiet: isQuiet,
      signal,
      decryptionKeys,
      platform: values.platform || undefined,
    });
    await displayProgress(messages, context.stdout, { isQuiet });
    return 0;
  },
};
