import type { NamespaceModes } from "../model/container-spec.ts";
import type { ContainerRecord } from "./state/records.ts";
import type { State } from "./state/state.ts";

/** Longer chains of containers that share one network are not followed. */
const mostSharers = 64;

/**
 * The container whose network this one shares, also indirectly: itself when it shares none. Undefined when that
 * container is gone: its network lives on with the others.
 */
export function findNetworkOwner(
  { state }: { readonly state: Pick<State, "findContainer"> },
  record: ContainerRecord,
): ContainerRecord | undefined {
  let owner: ContainerRecord | undefined = record;
  for (let at = 0; owner !== undefined && at < mostSharers; at++) {
    const mode: NetworkMode = owner.spec.isolation?.namespaces?.network;
    if (typeof mode !== "object") return owner;
    owner = state.findContainer(mode.container);
  }
  return undefined;
}

type NetworkMode = NamespaceModes["network"];
