import type { EndpointSettings } from "../../model/networks.ts";
import type { EndpointSettings as EndpointFields } from "../types/network.ts";

/** Settings of one end; what a client leaves empty is absent. */
export function parseSettings(end: EndpointFields): EndpointSettings {
  const { IPAMConfig, Links, Aliases, MacAddress = "", DriverOpts, GwPriority = 0 } = end;
  const { IPv4Address = "", IPv6Address = "", LinkLocalIPs } = IPAMConfig ?? {};
  return {
    ...(hasAny(Aliases) ? { aliases: Aliases } : {}),
    ...(hasAny(Links) ? { links: Links } : {}),
    ...(IPv4Address === "" ? {} : { ipv4: IPv4Address }),
    ...(IPv6Address === "" ? {} : { ipv6: IPv6Address }),
    ...(hasAny(LinkLocalIPs) ? { linkLocal: LinkLocalIPs } : {}),
    ...(MacAddress === "" ? {} : { macAddress: MacAddress }),
    ...(Object.keys(DriverOpts ?? {}).length === 0 ? {} : { driverOptions: DriverOpts ?? {} }),
    ...(GwPriority === 0 ? {} : { gatewayPriority: GwPriority }),
  };
}

/** The way back. */
export function formatSettings(settings: EndpointSettings): EndpointFields {
  const { ipv4, ipv6, linkLocal } = settings;
  const hasAddresses = ipv4 !== undefined || ipv6 !== undefined || linkLocal !== undefined;
  return {
    IPAMConfig: hasAddresses
      ? {
          ...(ipv4 === undefined ? {} : { IPv4Address: ipv4 }),
          ...(ipv6 === undefined ? {} : { IPv6Address: ipv6 }),
          ...(linkLocal === undefined ? {} : { LinkLocalIPs: linkLocal }),
        }
      : null,
    Links: settings.links ?? null,
    Aliases: settings.aliases ?? null,
    MacAddress: settings.macAddress ?? "",
    DriverOpts: settings.driverOptions ?? null,
    GwPriority: settings.gatewayPriority ?? 0,
  };
}

function hasAny<T>(list: readonly T[] | null | undefined): list is readonly T[] {
  return list !== undefined && list !== null && list.length > 0;
}
