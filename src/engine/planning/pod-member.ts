import type { PodNamespace } from "../../model/pods.ts";
import type { ContainerSpec } from "../../model/containers.ts";
import { refuse } from "./refusal.ts";
import type { ContainerId } from "../../model/ids.ts";

/** What of a pod decides about a container in it. */
export interface PodFacts {
  readonly id: ContainerId;
  readonly name: string;
  readonly share: readonly PodNamespace[];
  readonly hostname: string;
  /** It has a user namespace of its own. */
  readonly hasUserNamespace: boolean;
  /** It has a cgroup, with limits of all its containers together. */
  readonly hasCgroup: boolean;
}

/**
 * The spec of a container that is made in a pod: its namespaces are the pod's, but those that it asks for by name. Throws "invalid"
 * for what belongs to the pod: its ports, names and addresses.
 */
export function planPodMember(spec: ContainerSpec, pod: PodFacts): ContainerSpec {
  const asked = spec.namespaces ?? {};
  const shares = (type: PodNamespace): boolean => asked[type] === undefined && pod.share.includes(type);
  const mode = { container: pod.id };
  const sharesNetwork = shares("network") && !hasOwnNetwork(spec);
  if (sharesNetwork) refuseNetworkWishes(spec, pod.name);
  if (shares("uts") && isGiven(spec.hostname)) {
    throw refuse(`a host name belongs to pod "${pod.name}", whose UTS namespace it shares: ${whenMade}`);
  }
  if (pod.hasCgroup && (spec.cgroupParent !== undefined || isElsewhere(spec.cgroups))) {
    throw refuse(
      `pod "${pod.name}" has limits, which are kept by a cgroup of its own: no other one can be chosen`,
    );
  }
  const { networks: _, ...rest } = spec;
  return {
    ...(sharesNetwork ? rest : spec),
    pod: pod.id,
    ...(shares("uts") ? { hostname: pod.hostname } : {}),
    namespaces: {
      ...asked,
      ...(sharesNetwork ? { network: mode } : {}),
      ...(shares("ipc") ? { ipc: mode } : {}),
      ...(shares("pid") ? { pid: mode } : {}),
      ...(shares("uts") ? { uts: mode } : {}),
      ...(asked.user === undefined && pod.hasUserNamespace ? { user: mode } : {}),
    },
  };
}

function isElsewhere(cgroups: ContainerSpec["cgroups"]): boolean {
  return cgroups === "disabled" || cgroups === "split";
}

const whenMade = "name it when the pod is made";

/** A network by name is one of its own, beside the pod; settings of the default one are meant for the pod's. */
function hasOwnNetwork({ networks = [] }: ContainerSpec): boolean {
  return networks.some(({ network }) => network !== "bridge" && network !== "default");
}

function refuseNetworkWishes(spec: ContainerSpec, pod: string): void {
  const wishes: readonly (readonly [what: string, isAsked: boolean])[] = [
    ["published ports belong", hasAny(spec.ports) || spec.publishAll === true],
    ["exposed ports belong", hasAny(spec.exposedPorts)],
    ["addresses, aliases and links belong", hasAny(spec.networks)],
    ["extra hosts belong", hasAny(spec.extraHosts)],
    ["name servers belong", hasAny(spec.dns) || hasAny(spec.dnsSearch) || hasAny(spec.dnsOptions)],
  ];
  const [what] = wishes.find(([, isAsked]) => isAsked) ?? [];
  if (what !== undefined) throw refuse(`${what} to pod "${pod}", whose network it shares: ${whenMade}`);
}

function hasAny(list: readonly unknown[] | undefined): boolean {
  return (list ?? []).length > 0;
}

function isGiven(text: string | undefined): boolean {
  return text !== undefined && text !== "";
}
