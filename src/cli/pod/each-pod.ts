import type { Client } from "../../client/client.ts";
import type { Call } from "../command.ts";
import { readPodId } from "../container/run/pod-of-container.ts";
import { containersAtOnce, forEachReference } from "../each.ts";
import { optionFailure, type TableOf } from "../flags/flag.ts";
import { bool, list } from "../flags/kinds.ts";

/** Which pods a command is about, besides those that are named. */
export interface PodChoice {
  readonly all: boolean;
  readonly "pod-id-file": readonly string[];
}

export function podChoice(verb: string): TableOf<PodChoice> {
  return {
    all: bool(`${verb} all pods`, { short: "a" }),
    "pod-id-file": list("Read the ID of a pod from the file", { isFile: true }),
  };
}

/** Does the same for each pod in parallel, with forEachReference(); prints the id of each, as podman does. */
export async function forEachPod(
  call: Call<PodChoice>,
  work: (client: Client, id: string) => Promise<void>,
): Promise<number> {
  const { values, context } = call;
  const client = await call.client();
  const files = values["pod-id-file"].map((file) => readPodId(file, context.cwd));
  const named = [...call.positional, ...files];
  if (values.all && named.length > 0) throw optionFailure("--all cannot be used with pod names");
  if (!values.all && named.length === 0) throw optionFailure("name a pod, or use --all");
  const positional = values.all ? (await client.pods.list()).map(({ Id }) => Id) : named;
  const workOnPod = async (reference: string): Promise<string> => {
    const { Id } = await client.pods.inspect(reference);
    await work(client, Id);
    return Id;
  };
  return await forEachReference({ ...call, positional }, workOnPod, { atOnce: containersAtOnce });
}
