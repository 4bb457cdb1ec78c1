import { formatLimits } from "../../api/container/format-limits.ts";
import { formatShareWord } from "../../api/pod/pod-request.ts";
import { formatPortBindings } from "../../api/container/published-ports.ts";
import type * as api from "../../api/types/pod.ts";
import type { PodMembership as ApiMembership } from "../../api/types/pod-membership.ts";
import type { PodDetails } from "../../model/pods.ts";
import { timeText } from "./container-state.ts";
import type { PodMembership } from "../../model/pod-membership.ts";

/** A pod as `GET /tare/pods/{id}/json` shows it. */
export function podOf(pod: PodDetails): api.Pod {
  return {
    Id: pod.id,
    Name: pod.name,
    Created: timeText(pod.createdAt),
    State: `${pod.state.slice(0, 1).toUpperCase()}${pod.state.slice(1)}`,
    Hostname: pod.hostname,
    Labels: pod.labels,
    CreateInfra: true,
    InfraContainerID: pod.infraId,
    InfraConfig: {
      PortBindings: formatPortBindings(pod.ports),
      HostNetwork: pod.networks.includes("host"),
      Networks: pod.networks,
      HostAdd: pod.extraHosts,
      DNSServer: pod.dns,
      DNSSearch: pod.dnsSearch,
      DNSOption: pod.dnsOptions,
    },
    Limits: formatLimits(pod.limits),
    SharedNamespaces: pod.share.map(formatShareWord),
    NumContainers: pod.containers.length,
    Containers: pod.containers.map(({ id, name, state }) => ({ Id: id, Name: name, State: state })),
  };
}

/** The pod fields of a container's description. */
export function membershipOf(pod: PodMembership): { readonly Pod: ApiMembership } {
  return { Pod: { Id: pod.id, Name: pod.name, IsInfra: pod.isInfra } };
}
