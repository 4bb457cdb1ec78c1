import type { ContainerInspect } from "../../../api/types/container.ts";
import { forEachAtOnce } from "../../../base/for-each-at-once.ts";
import type { Client } from "../../../client/client.ts";
import { containersAtOnce } from "../../each.ts";

/** The fields that determine which containers must start first. */
export type Dependent = Pick<ContainerInspect, "Id" | "Name"> & {
  readonly HostConfig: Pick<
    ContainerInspect["HostConfig"],
    "IpcMode" | "Links" | "NetworkMode" | "PidMode" | "UsernsMode"
  >;
};

/**
 * Ranks for forEachReference(): a container starts after those of the same command whose namespaces it joins or that it
 * links to. A container that cannot be inspected has rank 0; its start reports the reason.
 */
export async function startRanks(client: Client, references: readonly string[]): Promise<readonly number[]> {
  if (references.length < 2) return [];
  const found: (Dependent | undefined)[] = references.map(() => undefined);
  await forEachAtOnce(references, containersAtOnce, async (reference, index) => {
    found[index] = await client.containers.inspect(reference).catch(() => undefined);
  });
  return rankStarts(found);
}

/** Pure. */
export function rankStarts(containers: readonly (Dependent | undefined)[]): readonly number[] {
  const byKey = new Map<string, Dependent>();
  for (const container of containers) {
    if (container === undefined) continue;
    const { Id: id, Name: name } = container;
    for (const key of [id, id.slice(0, 12), withoutSlash(name)]) byKey.set(key, container);
  }
  const ranks = new Map<Dependent, number>();
  const rankOf = (container: Dependent): number => {
    const known = ranks.get(container);
    if (known !== undefined) return known;
    ranks.set(container, 0); // Ends a cycle, if there is one.
    const needed = needsOf(container).flatMap((key) => byKey.get(key) ?? []);
    const rank = Math.max(0, ...needed.map((other) => rankOf(other) + 1));
    ranks.set(container, rank);
    return rank;
  };
  return containers.map((container) => (container === undefined ? 0 : rankOf(container)));
}

/** Names or ids of the containers that it joins or links to. */
function needsOf({ HostConfig: host }: Dependent): readonly string[] {
  const joined = [host.NetworkMode, host.PidMode, host.IpcMode, host.UsernsMode].flatMap((mode = "") =>
    mode.startsWith("container:") ? [mode.slice("container:".length)] : [],
  );
  const linked = (host.Links ?? []).map((link) => link.split(":", 1)[0] ?? "");
  return [...joined, ...linked].map(withoutSlash);
}

function withoutSlash(name: string): string {
  return name.replace(/^\//, "");
}
