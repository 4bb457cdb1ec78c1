import type { ProgressMessage } from "../../api/types/progress.ts";
import type { Call, Command } from "../command.ts";
import { bool } from "../flags/kinds.ts";
import { displayProgress } from "../format/progress-display.ts";

interface Values {
  readonly insecure: boolean;
  readonly purge: boolean;
}

export const manifestPush: Command<Values> = {
  usage: "[OPTIONS] MANIFEST_LIST",
  takes: [1, 1],
  flags: {
    insecure: bool("Allow push to an insecure registry"),
    purge: bool("Remove the local manifest list after push", { short: "p" }),
  },
  completes: ["image"],
  description:
    "What its repository lacks of the manifests and their blobs is mounted from where the registry has it, or copied from another registry.",
  examples: ["tare manifest push --purge localhost:5000/app:1"],
  async run(call) {
    const { values, positional, context, signal } = call;
    const [name = ""] = positional;
    const client = await call.client();
    // It may copy from any registry that its manifests are in.
    const { Manifests } = await client.manifests.inspect(name);
    const { registryConfigFor } = await import("../registry/find-credentials.ts");
    const registryConfig = await registryConfigFor([name, ...Manifests.map(({ Ref }) => Ref)], context.env);
    const messages = client.manifests.push(name, { ...values, registryConfig, signal });
    await displayProgress(withDigest(messages, call), context.stdout);
    return 0;
  },
};

/** The digest is the last line, as with Docker. */
async function* withDigest(
  messages: AsyncIterable<ProgressMessage>,
  call: Call<Values>,
): AsyncGenerator<ProgressMessage, void, undefined> {
  for await (const message of messages) {
    const digest = message.aux?.["Digest"];
    if (typeof digest === "string") call.out(`${digest}\n`);
    else yield message;
  }
}
