import { Failure } from "../base/failure.ts";
import { type HostFacts, resolveContainer } from "./resolve/container.ts";
import { hasPodCgroup } from "./resolve/pod-cgroup.ts";
import type { PodFacts } from "./resolve/pod-member.ts";
import type { PodSettings, ContainerRecord } from "./state/records.ts";
import type { State } from "./state/state.ts";
import type { ContainerId, PodReference } from "../model/ids.ts";
import type { ContainerLimits } from "../model/limits.ts";
import type { PodMembership } from "../model/pod-membership.ts";

/** The record of the container that holds a pod's namespaces: it is the pod's record, too. */
export type PodRecord = ContainerRecord & { readonly pod: PodSettings };

function isPod(record: ContainerRecord): record is PodRecord {
  return record.pod !== undefined;
}

/** In the order in which they were made. */
export function podsOf(state: State): readonly PodRecord[] {
  return state.containers().filter(isPod);
}

export function findPodByName(state: State, name: string): PodRecord | undefined {
  return podsOf(state).find(({ pod }) => pod.name === name);
}

/** By whole id, then name, then the beginning of an id. Throws "not-found", or "invalid" for an ambiguous prefix. */
export function getPod(state: State, reference: PodReference): PodRecord {
  const exact = state.findContainer(reference);
  const known = exact !== undefined && isPod(exact) ? exact : findPodByName(state, reference);
  if (known !== undefined) return known;
  const shown = reference.slice(0, 100);
  const isPrefix = /^[0-9a-f]{1,64}$/.test(reference);
  const found = isPrefix ? podsOf(state).filter(({ id }) => id.startsWith(reference)) : [];
  if (found.length > 1) throw new Failure("invalid", `cannot find pod "${shown}": several ids begin so`);
  const [only] = found;
  if (only !== undefined) return only;
  throw new Failure("not-found", `cannot find pod "${shown}"`, { details: { pod: reference } });
}

/** The containers in a pod but for the one that holds its namespaces, in the order in which they were made. */
export function membersOf(state: State, id: ContainerId): readonly ContainerRecord[] {
  return state.containers().filter(({ spec }) => spec.pod === id);
}

/** The pod of a container, for its description; undefined for a container without one. */
export function membershipOf(
  state: State,
  { id, pod, spec }: Pick<ContainerRecord, "id" | "pod" | "spec">,
): PodMembership | undefined {
  if (pod !== undefined) return { id, name: pod.name, isInfra: true };
  const infra = spec.pod === undefined ? undefined : state.findContainer(spec.pod);
  return infra?.pod === undefined ? undefined : { id: infra.id, name: infra.pod.name, isInfra: false };
}

/** The limits of all containers of its pod together, for a container of one that has some, or that holds one. */
export function podLimitsOf(
  state: State,
  { id, spec }: Pick<ContainerRecord, "id" | "spec">,
): ContainerLimits | undefined {
  const holder = state.findContainer(spec.pod ?? id);
  return holder !== undefined && isPod(holder) && hasPodCgroup(holder)
    ? holder.spec.resources?.limits
    : undefined;
}

/** The facts of a pod for a new container in it. */
export function factsOf(record: PodRecord, host: HostFacts): PodFacts {
  const { id, pod, spec, imageConfig } = record;
  const user = spec.isolation?.namespaces?.user ?? "host";
  const { hostname } = resolveContainer(id, { spec, image: imageConfig.defaults, host });
  return {
    id,
    name: pod.name,
    share: pod.share,
    hostname,
    hasUserNamespace: user !== "host",
    hasCgroup: hasPodCgroup(record),
  };
}

/** Throws "conflict" where a container can't be removed: it holds a pod that stays, or that others are in. */
export function refuseHolder(
  state: State,
  { id, name, pod }: ContainerRecord,
  { withPod }: { readonly withPod: boolean },
): void {
  if (pod === undefined) return;
  const details = { pod: pod.name };
  if (!withPod) {
    throw new Failure(
      "conflict",
      `cannot remove container "${name}": it is the infra container of pod "${pod.name}": remove the pod (tare pod rm ${pod.name})`,
      { details },
    );
  }
  const [member] = membersOf(state, id);
  if (member === undefined) return;
  throw new Failure("conflict", `cannot remove pod "${pod.name}": container "${member.name}" is in it`, {
    details,
  });
}
