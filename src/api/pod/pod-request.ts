import { type ContainerPlan, planContainer } from "../container/container-plan.ts";
import { parseCreateRequest } from "../container/create-request.ts";
import { type FieldShapes, readFields } from "../http/field-shapes.ts";
import type { PodCreateRequest } from "../types/pod.ts";

const shapes: FieldShapes = { Name: "text", Labels: "text-map", Share: "texts", InfraName: "text" };

/** As podman's `--share` says them, and as the engine does. */
const shareWords: ReadonlyMap<string, string> = new Map([["net", "network"]]);

export function parseShareWord(word: string): string {
  return shareWords.get(word) ?? word;
}

export function formatShareWord(type: string): string {
  return type === "network" ? "net" : type;
}

type OfInfra = Pick<
  ContainerPlan,
  | "hostname"
  | "networks"
  | "ports"
  | "exposedPorts"
  | "dns"
  | "dnsSearch"
  | "dnsOptions"
  | "extraHosts"
  | "ownsHosts"
  | "restartPolicy"
  | "sysctls"
  | "shmBytes"
  | "limits"
>;

/** A request in the engine's words; assignable to its PodSpec, once `share` is judged. */
export interface PodPlan extends Partial<OfInfra> {
  readonly name?: string;
  readonly infraName?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly share?: readonly string[];
  readonly network?: NonNullable<ContainerPlan["namespaces"]["network"]>;
  readonly user?: NonNullable<ContainerPlan["namespaces"]["user"]>;
}

/** Judges the body of `POST /tare/pods/create` and translates it. Throws "invalid" naming the field that is wrong. */
export function planPod(body: unknown): PodPlan {
  const { Name, Labels, Share, InfraName } = readFields(body ?? {}, shapes, "") as PodCreateRequest;
  // Its image is the engine's business.
  const plan = planContainer(
    parseCreateRequest({ ...(body as object), Labels: null, Image: "-" }),
    undefined,
  );
  const { network, user } = plan.namespaces;
  const { hostname, networks, ports, exposedPorts, dns, dnsSearch, dnsOptions, extraHosts } = plan;
  const { ownsHosts, restartPolicy, sysctls, shmBytes, limits } = plan;
  const planned: { readonly [Key in keyof PodPlan]: PodPlan[Key] | undefined } = {
    name: Name || undefined,
    infraName: InfraName || undefined,
    labels: Labels ?? undefined,
    share: Share?.map(parseShareWord),
    hostname,
    networks,
    ports,
    exposedPorts,
    dns,
    dnsSearch,
    dnsOptions,
    extraHosts,
    ownsHosts,
    restartPolicy,
    sysctls,
    shmBytes,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
    network,
    user,
  };
  return Object.fromEntries(Object.entries(planned).filter(([, value]) => value !== undefined)) as PodPlan;
}
