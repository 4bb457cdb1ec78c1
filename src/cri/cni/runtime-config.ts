import type { PortSpec } from "../../model/networks.ts";
import { findQuantity } from "../../spec/kube/quantity.ts";
import type { RuntimeConfig } from "./network-config.ts";

/** What the configuration of a sandbox says for plugins. */
export interface PodNetworkSettings {
  readonly ports: readonly PortSpec[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly dns: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
}

/** Bits; the most that the bandwidth plugin takes. */
const burstBits = 0xff_ff_ff_ff;

/**
 * By the capabilities that plugins may have. Throws nothing: a bandwidth that is no quantity limits nothing.
 * SPEC: CNI's conventions, "Dynamic Plugin specific fields".
 */
export function runtimeConfigOf({ ports, annotations, dns }: PodNetworkSettings): RuntimeConfig {
  const portMappings = ports.flatMap(({ protocol = "tcp", containerPort, hostPort, hostAddress }) =>
    hostPort === undefined || hostPort === 0
      ? []
      : [
          {
            hostPort,
            containerPort,
            protocol,
            ...(hostAddress === undefined ? {} : { hostIP: hostAddress }),
          },
        ],
  );
  const ingress = findRate(annotations["kubernetes.io/ingress-bandwidth"]);
  const egress = findRate(annotations["kubernetes.io/egress-bandwidth"]);
  const hasDns = dns.servers.length + dns.searches.length + dns.options.length > 0;
  return {
    ...(portMappings.length === 0 ? {} : { portMappings }),
    ...(ingress === undefined && egress === undefined
      ? {}
      : {
          bandwidth: {
            ...(ingress === undefined ? {} : { ingressRate: ingress, ingressBurst: burstBits }),
            ...(egress === undefined ? {} : { egressRate: egress, egressBurst: burstBits }),
          },
        }),
    ...(hasDns ? { dns } : {}),
    "io.kubernetes.cri.pod-annotations": annotations,
  };
}

/** Bits a second, of an annotation. */
function findRate(text: string | undefined): number | undefined {
  const value = Math.round(findQuantity(text ?? "") ?? 0);
  return value === 0 ? undefined : value;
}
