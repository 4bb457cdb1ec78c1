import { parseTimestamp } from "../../base/timestamp.ts";
import { Failure } from "../../base/failure.ts";
import { hasLabel } from "../labels.ts";
import type { HostFacts } from "../resolve/container.ts";
import { hasPodCgroup } from "../resolve/pod-cgroup.ts";
import { podStateOf } from "../resolve/pod-state.ts";
import type { PodDetails } from "../../model/pods.ts";
import type { ContainerRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import { factsOf, membersOf, type PodRecord } from "../find-pod.ts";

/** The details for `pod inspect`, all derived from the records of the pod's containers. */
export function describePod(state: State, host: HostFacts, record: PodRecord): PodDetails {
  const { id, pod, spec, createdAt } = record;
  const containers = [record, ...membersOf(state, id)].map(containerOf);
  return {
    id,
    name: pod.name,
    createdAt,
    state: podStateOf(containers.map(({ state: status }) => status)),
    labels: spec.labels ?? {},
    share: pod.share,
    hostname: factsOf(record, host).hostname,
    infraId: id,
    containers,
    networks: networksOf(record),
    ports: spec.network?.ports ?? [],
    extraHosts: spec.network?.extraHosts ?? [],
    dns: spec.network?.dns ?? [],
    dnsSearch: spec.network?.dnsSearch ?? [],
    dnsOptions: spec.network?.dnsOptions ?? [],
    limits: hasPodCgroup(record) ? (spec.resources?.limits ?? {}) : {},
  };
}

function containerOf({ id, name, state }: ContainerRecord): PodDetails["containers"][number] {
  return { id, name, state: state.status };
}

function networksOf({ spec, endpoints = [] }: PodRecord): readonly string[] {
  const mode = spec.isolation?.namespaces?.network;
  if (typeof mode === "object") return [`container:${mode.container}`];
  return mode === undefined ? endpoints.map(({ networkName }) => networkName) : [mode];
}

type Filter = (pod: PodDetails, values: readonly string[]) => boolean;

const someContainer =
  (fits: (container: PodDetails["containers"][number], value: string) => boolean): Filter =>
  ({ containers }, values) =>
    values.some((value) => containers.some((container) => fits(container, value)));

/** Values of one key are alternatives (but labels: all of them). */
const filters: Readonly<Record<string, Filter>> = {
  id: ({ id }, values) => values.some((value) => id.startsWith(value)),
  name: ({ name }, values) => values.some((value) => name.includes(value)),
  label: ({ labels }, values) => values.every((value) => hasLabel(labels, value)),
  status: ({ state }, values) => values.some((value) => value.toLowerCase() === state),
  network: ({ networks }, values) => values.some((value) => networks.includes(value)),
  until: ({ createdAt }, values) =>
    values.every((value) => createdAt <= Number(parseTimestamp(value, Date.now())) / 1e6),
  // Here it selects nothing more: see LocalPods.list().
  realm: () => true,
  "ctr-ids": someContainer(({ id }, value) => id.startsWith(value)),
  "ctr-names": someContainer(({ name }, value) => name.includes(value)),
  "ctr-number": ({ containers }, values) => values.some((value) => Number(value) === containers.length),
  "ctr-status": someContainer(({ state }, value) => state === value.toLowerCase()),
};

/** Whether a pod is among those that the filters let through. Throws "invalid" for a filter that there is none of. */
export function podFilter(wanted: Readonly<Record<string, readonly string[]>>): (pod: PodDetails) => boolean {
  for (const key of Object.keys(wanted)) {
    if (!Object.hasOwn(filters, key)) throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
  }
  const active = Object.entries(wanted).filter(([, values]) => values.length > 0);
  return (pod) => active.every(([key, values]) => filters[key]?.(pod, values) === true);
}
