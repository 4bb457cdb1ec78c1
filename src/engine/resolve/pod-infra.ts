import { isOneOf } from "../../base/keys.ts";
import { Failure } from "../../base/failure.ts";
import { type PodNamespace, podNamespaces, type PodSpec } from "../../model/pods.ts";
import { mergeSpec } from "../../model/merge-spec.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { quote } from "./refusal.ts";

/** Podman's: its containers have one address, one host name and one set of queues and semaphores. */
const defaultShare: readonly PodNamespace[] = ["ipc", "network", "uts"];

/** The namespaces that a pod shares, each once. Throws "invalid" for one that can't be shared so. */
export function resolveShare(share: readonly string[] = defaultShare): readonly PodNamespace[] {
  const wrong = share.find((type) => !isOneOf(podNamespaces, type));
  if (wrong !== undefined) {
    throw refusePod(`it can't share the namespace ${quote(wrong)}: want ${podNamespaces.join(", ")}`);
  }
  return podNamespaces.filter((type) => share.includes(type));
}

/** The container that holds a pod's namespaces. Throws "invalid" for wishes that nothing in the pod would have. */
export function resolveInfra(
  spec: PodSpec,
  { name, image }: { readonly name: string; readonly image: string },
): ContainerSpec {
  const { network } = spec;
  const share = resolveShare(spec.share);
  // With the host's network, or another's, it is called what that one is called.
  const isNamed = share.includes("uts") && (network === undefined || network === "none") && isHostname(name);
  if (!share.includes("network")) refuseUnshared(spec);
  const { ports, exposedPorts, dns, dnsSearch, dnsOptions, extraHosts, ownsHosts } = spec;
  const { limits, restartPolicy, shmBytes, sysctls, user } = spec;
  return mergeSpec<ContainerSpec>(
    { image },
    {
      name: spec.infraName,
      labels: spec.labels,
      annotations: spec.annotations,
      cri: spec.cri,
      isolation: {
        namespaces: {
          network: share.includes("network") ? network : "none",
          ipc: share.includes("ipc") ? "shareable" : undefined,
          user,
        },
        sysctls,
      },
      resources: { limits, cgroupParent: spec.cgroupParent },
      storage: { shmBytes, log: spec.cri === undefined ? undefined : "none" },
      network: {
        hostname: spec.hostname ?? (isNamed ? name : undefined),
        networks: spec.networks?.map((end) => withAlias(end, name)),
        ports,
        exposedPorts,
        dns,
        dnsSearch,
        dnsOptions,
        extraHosts,
        ownsHosts,
      },
      lifecycle: { restartPolicy },
    },
  );
}

/** Others in a network of the user's find the pod by its name. */
function withAlias<
  End extends { readonly network: string; readonly aliases?: readonly string[] | undefined },
>(end: End, name: string): End {
  if (["bridge", "default"].includes(end.network)) return end;
  return { ...end, aliases: [...new Set([...(end.aliases ?? []), name])] };
}

function refuseUnshared(spec: PodSpec): void {
  const lists = [
    spec.ports,
    spec.exposedPorts,
    spec.networks,
    spec.dns,
    spec.dnsSearch,
    spec.dnsOptions,
    spec.extraHosts,
  ];
  if (lists.every((list) => (list ?? []).length === 0) && spec.network === undefined) return;
  throw refusePod("it has settings of a network and does not share one: share net, too");
}

function isHostname(text: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/.test(text);
}

export function refusePod(detail: string): Failure {
  return new Failure("invalid", `cannot create the pod: ${detail}`);
}
