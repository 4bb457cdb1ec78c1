import { formatReference, parseReference, withDefaultTag } from "../../spec/reference.ts";
import type { Command } from "../command.ts";
import { bool } from "../flags/kinds.ts";

interface Values {
  readonly amend: boolean;
  readonly insecure: boolean;
}

export const manifestCreate: Command<Values> = {
  usage: "[OPTIONS] MANIFEST_LIST MANIFEST [MANIFEST...]",
  takes: [2, Number.POSITIVE_INFINITY],
  flags: {
    amend: bool("Amend an existing manifest list", { short: "a" }),
    insecure: bool("Allow communication with an insecure registry"),
  },
  completes: ["image"],
  description: "The engine stores the list until it is pushed; its manifests must already be in a registry.",
  examples: [
    "tare manifest create localhost:5000/app:1 localhost:5000/app:1-amd64 localhost:5000/app:1-arm64",
    "tare manifest push localhost:5000/app:1",
  ],
  async run(call) {
    const { values, positional, context, signal } = call;
    const [name = "", ...manifests] = positional;
    const { registryConfigFor } = await import("../registry/find-credentials.ts");
    const registryConfig = await registryConfigFor(manifests, context.env);
    const client = await call.client();
    const { amend: Amend, insecure: Insecure } = values;
    const request = { Name: name, Manifests: manifests, Amend, Insecure };
    const made = await client.manifests.create(request, { registryConfig, signal });
    call.out(`Created manifest list ${formatReference(withDefaultTag(parseReference(made.Name)))}\n`);
    return 0;
  },
};
