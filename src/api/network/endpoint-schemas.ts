import type { EndpointSettings } from "../types/network.ts";
import type { SchemasOf } from "../http/field-schemas.ts";

export const endpointSchemas: SchemasOf<EndpointSettings> = {
  IPAMConfig: { object: { IPv4Address: "text", IPv6Address: "text", LinkLocalIPs: "texts" } },
  Links: "texts",
  MacAddress: "text",
  Aliases: "texts",
  DriverOpts: "text-map",
  GwPriority: "integer",
  NetworkID: "text",
  EndpointID: "text",
  Gateway: "text",
  IPAddress: "text",
  IPPrefixLen: "integer",
  IPv6Gateway: "text",
  GlobalIPv6Address: "text",
  GlobalIPv6PrefixLen: "integer",
  DNSNames: "texts",
};
