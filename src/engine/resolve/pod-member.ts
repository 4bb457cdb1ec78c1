import type { ContainerResources, ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerId } from "../../model/ids.ts";
import { mergeSpec } from "../../model/merge-spec.ts";
import type { PodNamespace } from "../../model/pods.ts";
import { mergeDefined } from "../../base/defined.ts";
import { refuse } from "./refusal.ts";

/** The settings of a pod that affect a container in it. */
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
 * The spec of a container that is made in a pod: its namespaces are the pod's, but those that it asks for by name.
 * Throws "invalid" for what belongs to the pod: its ports, names and addresses.
 */
export function resolvePodMember(spec: ContainerSpec, pod: PodFacts): ContainerSpec {
  const asked = spec.isolation?.namespaces ?? {};
  const shares = (type: PodNamespace): boolean => asked[type] === undefined && pod.share.includes(type);
  const mode = { container: pod.id };
  const sharesNetwork = shares("network") && !hasOwnNetwork(spec);
  if (sharesNetwork) refuseNetworkWishes(spec, pod.name);
  if (shares("uts") && isGiven(spec.network?.hostname)) {
    throw refuse(`a host name belongs to pod "${pod.name}", whose UTS namespace it shares: ${whenMade}`);
  }
  if (pod.hasCgroup && (spec.resources?.cgroupParent !== undefined || isElsewhere(spec.resources?.cgroups))) {
    throw refuse(
      `pod "${pod.name}" has limits, which are kept by a cgroup of its own: no other one can be chosen`,
    );
  }
  const own = sharesNetwork ? withoutNetworks(spec) : spec;
  return mergeSpec(own, {
    pod: pod.id,
    network: { hostname: shares("uts") ? pod.hostname : undefined },
    isolation: {
      namespaces: mergeDefined(asked, {
        network: sharesNetwork ? mode : undefined,
        ipc: shares("ipc") ? mode : undefined,
        pid: shares("pid") ? mode : undefined,
        uts: shares("uts") ? mode : undefined,
        user: asked.user === undefined && pod.hasUserNamespace ? mode : undefined,
      }),
    },
  });
}

function withoutNetworks(spec: ContainerSpec): ContainerSpec {
  const { networks: _, ...network } = spec.network ?? {};
  return spec.network === undefined ? spec : { ...spec, network };
}

function isElsewhere(cgroups: ContainerResources["cgroups"]): boolean {
  return cgroups === "disabled" || cgroups === "split";
}

const whenMade = "name it when the pod is made";

/** A network with a name is in addition to the pod's; settings of the default network apply to the pod's. */
function hasOwnNetwork({ network: { networks = [] } = {} }: ContainerSpec): boolean {
  return networks.some(({ network }) => network !== "bridge" && network !== "default");
}

function refuseNetworkWishes(spec: ContainerSpec, pod: string): void {
  const wishes: readonly (readonly [what: string, isAsked: boolean])[] = [
    ["published ports belong", hasAny(spec.network?.ports) || spec.network?.publishAll === true],
    ["exposed ports belong", hasAny(spec.network?.exposedPorts)],
    ["addresses, aliases and links belong", hasAny(spec.network?.networks)],
    ["extra hosts belong", hasAny(spec.network?.extraHosts)],
    [
      "name servers belong",
      hasAny(spec.network?.dns) || hasAny(spec.network?.dnsSearch) || hasAny(spec.network?.dnsOptions),
    ],
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
