import { parseTrustedJson } from "../../base/trusted-json.ts";
import type { ManifestListEntry, RegistryManifest } from "../../api/types/manifest.ts";
import { Failure } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import type { Call, Command } from "../command.ts";
import { bool } from "../flags/kinds.ts";
import { digestedName, indexOf, verboseManifest } from "../registry/manifest-documents.ts";

interface Values {
  readonly insecure: boolean;
  readonly verbose: boolean;
}

type Fetch = (reference: string) => Promise<RegistryManifest>;

export const manifestInspect: Command<Values> = {
  usage: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  takes: [1, 2],
  flags: {
    insecure: bool("Allow communication with an insecure registry"),
    verbose: bool("Output additional info including layers and platform", { short: "v" }),
  },
  completes: ["image"],
  description:
    "With one name: the list of this name that is in the making here, else what its registry has. With two: one manifest of such a list.",
  examples: ["tare manifest inspect debian:trixie", "tare manifest inspect -v localhost:5000/app:1"],
  async run(call) {
    const [first = "", second] = call.positional;
    const client = await call.client();
    const fetch = await fetcher(call, client);
    const shown = second === undefined ? await inspectName(call, first, { client, fetch }) : undefined;
    call.out(`${JSON.stringify(shown ?? (await inspectEntry(call, { client, fetch })), undefined, "\t")}\n`);
    return 0;
  },
};

interface Sources {
  readonly client: Client;
  readonly fetch: Fetch;
}

async function fetcher(
  { values, positional, context, signal }: Call<Values>,
  client: Client,
): Promise<Fetch> {
  const { registryConfigFor } = await import("../registry/find-credentials.ts");
  const registryConfig = await registryConfigFor(positional, context.env);
  return (reference) =>
    client.manifests.fetch(reference, { insecure: values.insecure, registryConfig, signal });
}

async function inspectName(
  { values }: Call<Values>,
  name: string,
  { client, fetch }: Sources,
): Promise<unknown> {
  const list = await client.manifests.inspect(name).catch(nothingThere);
  if (list !== undefined) {
    if (!values.verbose) return indexOf(list.Manifests);
    return await Promise.all(list.Manifests.map((entry) => verboseEntry(entry, fetch)));
  }
  const found = await fetch(name);
  const document = parseTrustedJson<{
    readonly manifests?: readonly ManifestListEntry["Descriptor"][] | undefined;
  }>(Buffer.from(found.Raw, "base64").toString()); // The daemon has checked it.
  if (!values.verbose) return document;
  if (document.manifests === undefined) return verboseManifest(found);
  return await Promise.all(
    document.manifests.map((descriptor) =>
      verboseEntry({ Ref: digestedName(name, descriptor.digest), Descriptor: descriptor }, fetch),
    ),
  );
}

async function inspectEntry(
  { values, positional }: Call<Values>,
  { client, fetch }: Sources,
): Promise<unknown> {
  const [name = "", manifest = ""] = positional;
  const { Manifests } = await client.manifests.inspect(name);
  const { parseReference, formatFamiliar, withDefaultTag } = await import("../../spec/reference.ts");
  const wanted = parseReference(manifest);
  const whole = formatFamiliar(withDefaultTag(wanted));
  const entry = Manifests.find(({ Ref, Descriptor }) => Ref === whole || Descriptor.digest === wanted.digest);
  if (entry === undefined) throw new Failure("not-found", `No such manifest: ${manifest} in ${name}`);
  const found = await verboseEntry(entry, fetch);
  return values.verbose ? found : JSON.parse(Buffer.from(found.Raw, "base64").toString());
}

/** The manifest itself is the registry's, what it is for may have been annotated. */
async function verboseEntry(
  { Ref, Descriptor }: ManifestListEntry,
  fetch: Fetch,
): Promise<ReturnType<typeof verboseManifest>> {
  const found = await fetch(digestedName(Ref, Descriptor.digest));
  return verboseManifest({ ...found, Ref, Descriptor });
}

function nothingThere(thrown: unknown): undefined {
  if (thrown instanceof Failure && thrown.kind === "not-found") return undefined;
  throw thrown;
}
