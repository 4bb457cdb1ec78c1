import type { EndpointSettings } from "../../model/networks.ts";
import type { EndpointSettings as EndpointFields } from "../types/network.ts";

/** Settings of one end; what a client leaves empty is absent. */
export function parseSettings(end: EndpointFields): EndpointSettings {
  const { IPAMConfig, Links, Aliases, MacAddress = "", DriverOpts, GwPriority = 0 } = end;
  const { IPv4Address = "", IPv6Address = "", LinkLocalIPs } = IPAMConfig ?? {};
  return {
    aliases: hasAny(Aliases) ? Aliases : undefined,
    links: hasAny(Links) ? Links : undefined,
    ipv4: IPv4Address || undefined,
    ipv6: IPv6Address || undefined,
    linkLocal: hasAny(LinkLocalIPs) ? LinkLocalIPs : undefined,
    macAddress: MacAddress || undefined,
    driverOptions: Object.keys(DriverOpts ?? {}).length === 0 ? undefined : (DriverOpts ?? {}),
    gatewayPriority: GwPriority === 0 ? undefined : GwPriority,
  };
}

/** The way back. */
export function formatSettings(settings: EndpointSettings): EndpointFields {
  const { ipv4, ipv6, linkLocal } = settings;
  const hasAddresses = ipv4 !== undefined || ipv6 !== undefined || linkLocal !== undefined;
  return {
    IPAMConfig: hasAddresses
      ? {
          IPv4Address: ipv4,
          IPv6Address: ipv6,
          LinkLocalIPs: linkLocal,
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
