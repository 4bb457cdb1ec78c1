import { isOneOf } from "../base/keys.ts";
import { defined, type Undefinable } from "../base/defined.ts";
import type {
  ContainerIsolation,
  ContainerLifecycle,
  ContainerNetwork,
  ContainerProcess,
  ContainerResources,
  ContainerSpec,
  ContainerStorage,
} from "./container-spec.ts";

/** The members of ContainerSpec that are groups. */
const specGroups: readonly ["process", "isolation", "resources", "storage", "network", "lifecycle"] = [
  "process",
  "isolation",
  "resources",
  "storage",
  "network",
  "lifecycle",
];

type SpecGroup = (typeof specGroups)[number];

/** Changes of a specification; an absent or undefined member changes nothing. */
export interface SpecChanges extends Undefinable<Omit<ContainerSpec, SpecGroup>> {
  readonly process?: Undefinable<ContainerProcess> | undefined;
  readonly isolation?: Undefinable<ContainerIsolation> | undefined;
  readonly resources?: Undefinable<ContainerResources> | undefined;
  readonly storage?: Undefinable<ContainerStorage> | undefined;
  readonly network?: Undefinable<ContainerNetwork> | undefined;
  readonly lifecycle?: Undefinable<ContainerLifecycle> | undefined;
}

/** `spec` with `changes`, group by group. A changed member is replaced as a whole: a list is not appended to. */
export function mergeSpec<Spec extends Partial<ContainerSpec>>(spec: Spec, changes: SpecChanges): Spec {
  const changed = Object.entries(changes).flatMap(([name, change]) => {
    if (!isGroup(name)) return change === undefined ? [] : [[name, change] as const];
    const members = defined(Object.assign({}, change));
    return Object.keys(members).length === 0 ? [] : [[name, { ...spec[name], ...members }] as const];
  });
  return { ...spec, ...Object.fromEntries(changed) };
}

function isGroup(name: string): name is SpecGroup {
  return isOneOf(specGroups, name);
}
