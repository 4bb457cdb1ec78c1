import { formatWarnings } from "../../api/container/run-messages.ts";
import type { Client } from "../../client/client.ts";
import type { Call } from "../command.ts";
import type { ContainerValues } from "../container/flags/container-flags.ts";
import { optionFailure } from "../flags/flag.ts";
import { toPodWishes } from "./pod-options.ts";

/** Makes the pod of `--pod new:NAME`. Disposing of it removes it again, unless keep() was called. */
export async function makePod(
  call: Call<ContainerValues>,
  { client, name }: { readonly client: Client; readonly name: string },
): Promise<AsyncDisposable & { keep(): void }> {
  const { values } = call;
  // The image defines which ports a container exposes, and a pod has no image.
  if (values["publish-all"]) throw optionFailure("--publish-all: name the ports of a new pod by --publish");
  if (values.link.length > 0) throw optionFailure("--link cannot be used with a pod");
  const { Id: id, Warnings: warnings } = await client.pods.create({ Name: name, ...toPodWishes(values) });
  if (warnings.length > 0) call.err(formatWarnings(warnings));
  let isKept = false;
  return {
    keep: () => {
      isKept = true;
    },
    [Symbol.asyncDispose]: async () => {
      if (!isKept) await client.pods.remove(id, { force: true }).catch(() => undefined);
    },
  };
}
