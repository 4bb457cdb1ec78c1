import { Failure } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import type { Call, Command } from "../command.ts";
import { type Candidate, findCandidates } from "../completion/candidates.ts";
import { filesMark } from "../completion/scripts.ts";
import type { Subject } from "../subject.ts";

/** Hidden: what the shells' scripts ask. Prints `word<TAB>meaning` lines; never fails and starts no daemon. */
export const complete: Command<object> = {
  usage: "-- WORD...",
  takes: [0, Number.POSITIVE_INFINITY],
  flags: {},
  optionsEnd: "first",
  startsDaemon: false,
  async run(call) {
    const current = call.positional.at(-1) ?? "";
    const { words, subject, prefix = "" } = await findCandidates(await call.commands(), call.positional);
    const found = await findNames(call, subject, current.slice(prefix.length));
    const named = found.map(({ word, meaning }) => ({ word: `${prefix}${word}`, meaning }));
    const shown = [...words, ...named].filter(({ word }) => word.startsWith(current));
    call.out(shown.map(({ word, meaning = "" }) => `${word}\t${meaning}\n`).join(""));
    if (subject === "file") call.out(`${filesMark}\n`);
    return 0;
  },
};

async function findNames(
  call: Call<object>,
  subject: Subject,
  current: string,
): Promise<readonly Candidate[]> {
  if (subject === "file" || subject === "none" || subject === "command") return [];
  try {
    if (subject === "context") return await contextNames(call);
    if (subject === "registry") return await registryNames(call);
    const client = await call.client();
    if (subject === "image") return await imageNames(client);
    if (subject === "volume") return await volumeNames(client);
    if (subject === "network") return await networkNames(client);
    if (subject === "secret") return await secretNames(client);
    if (subject === "pod") return await podNames(client);
    const listLabels = labelLists[subject];
    if (listLabels !== undefined) return labelCandidates(await listLabels(client));
    const containers = await containerNames(client, subject, current);
    if (subject !== "object") return containers;
    return [...containers, ...(await imageNames(client)), ...(await volumeNames(client))];
  } catch (thrown) {
    // Without a daemon there are no candidates: completion must not print errors.
    if (thrown instanceof Failure) return [];
    throw thrown;
  }
}

type Labels = Readonly<Record<string, string>> | null | undefined;

/** The labels of each object of a kind. */
const labelLists: Readonly<Partial<Record<Subject, (client: Client) => Promise<readonly Labels[]>>>> = {
  "container-label": async (client) =>
    (await client.containers.list({ all: true })).map(({ Labels: labels }) => labels),
  "image-label": async (client) => (await client.images.list()).map(({ Labels: labels }) => labels),
  "network-label": async (client) => (await client.networks.list()).map(({ Labels: labels }) => labels),
  "volume-label": async (client) => (await client.volumes.list()).Volumes.map(({ Labels: labels }) => labels),
};

const mostLabels = 500;

/** Each label by its name, and with its value; those that do not fit on a line of the list are left out. */
function labelCandidates(labels: readonly Labels[]): readonly Candidate[] {
  const words = new Set(
    labels.flatMap((each) =>
      Object.entries(each ?? {}).flatMap(([name, value]) => [
        name,
        ...(value === "" ? [] : [`${name}=${value}`]),
      ]),
    ),
  );
  return [...words]
    .filter((word) => !/[\p{Cc}\p{Cf}]/u.test(word) && word.length <= 200)
    .sort()
    .slice(0, mostLabels)
    .map((word) => ({ word, meaning: "label" }));
}

/** Names, and ids once the beginning of one was typed. */
async function containerNames(
  client: Client,
  subject: Subject,
  current: string,
): Promise<readonly Candidate[]> {
  const found = await client.containers.list({ all: subject !== "running" });
  return found
    .filter(({ State }) => subject !== "stopped" || State !== "running")
    .filter(({ State }) => subject !== "paused" || State === "paused")
    .flatMap(({ Id, Names, Image, Status }) => {
      const meaning = `${Image}, ${Status}`;
      const ids = current === "" ? [] : [Id.slice(0, 12)];
      return [...Names.map((name) => name.replace(/^\//, "")), ...ids].map((word) => ({ word, meaning }));
    });
}

async function contextNames({ context }: Call<object>): Promise<readonly Candidate[]> {
  const { contextStore } = await import("../docker/current-context.ts");
  const { descriptionOf } = await import("../docker/context-store.ts");
  const found = contextStore(context.env).list();
  return [
    { word: "default", meaning: "context" },
    ...found.map((each) => ({ word: each.Name, meaning: descriptionOf(each) || "context" })),
  ];
}

async function registryNames({ context }: Call<object>): Promise<readonly Candidate[]> {
  const { knownRegistries } = await import("../registry/find-credentials.ts");
  return (await knownRegistries(context.env)).map((word) => ({ word, meaning: "registry" }));
}

async function volumeNames(client: Client): Promise<readonly Candidate[]> {
  const { Volumes } = await client.volumes.list();
  return Volumes.map(({ Name: word }) => ({ word, meaning: "volume" }));
}

async function networkNames(client: Client): Promise<readonly Candidate[]> {
  const found = await client.networks.list();
  return found.map(({ Name: word, Driver }) => ({ word, meaning: `${Driver} network` }));
}

async function secretNames(client: Client): Promise<readonly Candidate[]> {
  return (await client.secrets.list()).map(({ Spec: { Name: word } }) => ({ word, meaning: "secret" }));
}

async function podNames(client: Client): Promise<readonly Candidate[]> {
  const found = await client.pods.list();
  return found.map(({ Name: word, State }) => ({ word, meaning: `pod, ${State}` }));
}

async function imageNames(client: Client): Promise<readonly Candidate[]> {
  const found = await client.images.list();
  return found.flatMap(({ RepoTags }) => (RepoTags ?? []).map((word) => ({ word, meaning: "image" })));
}
