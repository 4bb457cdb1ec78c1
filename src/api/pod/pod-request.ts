import type { PodSpec } from "../../model/pods.ts";
import { parseContainerSpec } from "../container/parse-spec.ts";
import { parseCreateRequest } from "../container/create-request.ts";
import { type FieldSchemas, readFields } from "../http/field-schemas.ts";

const schemas = {
  Name: "text",
  Labels: "text-map",
  Share: "texts",
  InfraName: "text",
} as const satisfies FieldSchemas;

/** The words of podman's `--share`, with those of the engine. */
const shareWords: ReadonlyMap<string, string> = new Map([["net", "network"]]);

export function parseShareWord(word: string): string {
  return shareWords.get(word) ?? word;
}

export function formatShareWord(type: string): string {
  return type === "network" ? "net" : type;
}

/** The body of `POST /tare/pods/create`. Throws "invalid" naming the field that is wrong; the engine checks `share`. */
export function parsePodSpec(body: unknown): PodSpec {
  const { Name, Labels, Share, InfraName } = readFields(body ?? {}, schemas, "");
  // Its image is the engine's business.
  const infra = parseContainerSpec(
    parseCreateRequest(Object.assign({}, body, { Labels: null, Image: "-" })),
    undefined,
  );
  const {
    isolation = {},
    resources: { limits = {} } = {},
    storage = {},
    lifecycle = {},
    network = {},
  } = infra;
  const { hostname, networks, ports, exposedPorts, dns, dnsSearch, dnsOptions, extraHosts, ownsHosts } =
    network;
  return {
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
    restartPolicy: lifecycle.restartPolicy,
    sysctls: isolation.sysctls,
    shmBytes: storage.shmBytes,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
    network: isolation.namespaces?.network,
    user: isolation.namespaces?.user,
  };
}
