import { Failure, isFailure } from "../base/failure.ts";
import type { ContainerReference, PodReference } from "../model/ids.ts";
import { getContainer } from "./find-container.ts";
import { getPod } from "./find-pod.ts";
import type { ContainerSpec } from "../model/container-spec.ts";
import type { ContainerRecord } from "./state/records.ts";
import type { State } from "./state/state.ts";

/** The creator of a container: a client of the engine's own API, or a kubelet through the CRI. */
export type Realm = "engine" | "cri";

/** The prefix of a reference to a CRI container in operations that only read. */
const criPrefix = "cri:";

export function realmOf({ spec }: { readonly spec: Pick<ContainerSpec, "cri"> }): Realm {
  return spec.cri === undefined ? "engine" : "cri";
}

/** The reference, if it names a container of the realm. Throws "not-found" for one of another realm. */
export function inRealm(state: State, reference: ContainerReference, realm: Realm): ContainerReference {
  if (realmOf(getContainer(state, reference)) === realm) return reference;
  throw new Failure("not-found", `cannot find container "${reference.slice(0, 100)}"`, {
    details: { container: reference },
  });
}

/** As inRealm(); `cri:REFERENCE` names a container of the CRI. For operations that change nothing. */
export function forReading(state: State, reference: ContainerReference, realm: Realm): ContainerReference {
  return reference.startsWith(criPrefix)
    ? inRealm(state, findByPrefix(state, reference.slice(criPrefix.length)), "cri")
    : inRealm(state, reference, realm);
}

/** As inRealm(), for a pod. */
export function podInRealm(state: State, reference: PodReference, realm: Realm): PodReference {
  if (realmOf(getPod(state, reference)) === realm) return reference;
  throw new Failure("not-found", `cannot find pod "${reference.slice(0, 100)}"`, {
    details: { pod: reference },
  });
}

/** The id of the only CRI container whose id begins so; otherwise the text itself. */
function findByPrefix(state: State, text: string): string {
  if (!/^[0-9a-f]{1,63}$/.test(text)) return text;
  const found = state
    .containers()
    .filter((record) => realmOf(record) === "cri" && record.id.startsWith(text));
  return found.length === 1 ? (found[0]?.id ?? text) : text;
}

/**
 * A container that the request to create another one names. Throws "invalid" (details.container): clients take
 * "not-found" in a creation for a missing image, and pull it.
 */
export function getForCreate(
  state: State,
  reference: ContainerReference,
  realm: Realm = "engine",
): ContainerRecord {
  try {
    return getContainer(state, inRealm(state, reference, realm));
  } catch (cause) {
    if (!isFailure(cause, "not-found")) throw cause;
    throw new Failure("invalid", cause.message, { cause, details: { container: reference } });
  }
}
