import type { PortSpec } from "../../model/networks.ts";
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
  const ingress = findQuantity(annotations["kubernetes.io/ingress-bandwidth"]);
  const egress = findQuantity(annotations["kubernetes.io/egress-bandwidth"]);
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

const factors: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** SPEC: Kubernetes' quantities, as far as bandwidths have them: `10M`, `1.5Gi`. */
export function findQuantity(text: string | undefined): number | undefined {
  const [, digits = "", unit = ""] = /^(\d{1,15}(?:\.\d{1,9})?)([kMGT]|[KMGT]i)?$/.exec(text ?? "") ?? [];
  const value = Math.round(Number(digits) * (factors[unit] ?? 0));
  return digits === "" || value === 0 ? undefined : value;
}
