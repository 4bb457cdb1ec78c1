import { Failure } from "../../base/failure.ts";
import type { EndpointSettings, NetworkSpec } from "../../model/networks.ts";
import { parseSettings } from "./endpoint-settings.ts";
import { endpointSchemas } from "./endpoint-schemas.ts";
import { type FieldSchemas, readFields } from "../http/field-schemas.ts";

const createSchemas = {
  Name: "text",
  CheckDuplicate: "boolean",
  Driver: "text",
  Scope: "text",
  Internal: "boolean",
  Attachable: "boolean",
  Ingress: "boolean",
  ConfigOnly: "boolean",
  ConfigFrom: { object: { Network: "text" } },
  IPAM: {
    object: {
      Driver: "text",
      Options: "text-map",
      Config: { list: { Subnet: "text", IPRange: "text", Gateway: "text", AuxiliaryAddresses: "text-map" } },
    },
  },
  EnableIPv4: "boolean",
  EnableIPv6: "boolean",
  Options: "text-map",
  Labels: "text-map",
} as const satisfies FieldSchemas;

/** The body of `POST /networks/create`. Throws Failure("invalid") naming the field that is wrong. */
export function parseNetworkRequest(body: unknown): NetworkSpec {
  if (body === undefined) throw new Failure("invalid", "cannot read the request: it is empty");
  const request = readFields(body, createSchemas, "");
  if (request.Ingress === true) {
    throw new Failure("unsupported", "cannot create the network: ingress networks are a swarm's");
  }
  const { IPAM: ipam, ConfigFrom } = request;
  return {
    name: request.Name ?? "",
    driver: request.Driver || undefined,
    scope: request.Scope || undefined,
    ipamDriver: ipam?.Driver || undefined,
    configFrom: ConfigFrom?.Network || undefined,
    ipamOptions: ipam?.Options ?? undefined,
    subnets: (ipam?.Config ?? []).map((config) => ({
      subnet: config.Subnet || undefined,
      range: config.IPRange || undefined,
      gateway: config.Gateway || undefined,
      auxiliary: config.AuxiliaryAddresses ?? undefined,
    })),
    ipv4: request.EnableIPv4 ?? undefined,
    ipv6: request.EnableIPv6 ?? undefined,
    internal: request.Internal,
    attachable: request.Attachable,
    configOnly: request.ConfigOnly,
    options: request.Options ?? undefined,
    labels: request.Labels ?? undefined,
  };
}

export function parseConnectRequest(body: unknown): {
  readonly container: string;
  readonly settings: EndpointSettings;
} {
  const request = readFields(
    body ?? {},
    { Container: "text", EndpointConfig: { object: endpointSchemas } },
    "",
  );
  return {
    container: requireContainer(request.Container),
    settings: parseSettings(request.EndpointConfig ?? {}),
  };
}

export function parseDisconnectRequest(body: unknown): {
  readonly container: string;
  readonly force: boolean;
} {
  const { Container, Force = false } = readFields(body ?? {}, { Container: "text", Force: "boolean" }, "");
  return { container: requireContainer(Container), force: Force };
}

function requireContainer(container: string | undefined): string {
  if (container !== undefined && container !== "") return container;
  throw new Failure("invalid", "cannot read the request: it names no container");
}
