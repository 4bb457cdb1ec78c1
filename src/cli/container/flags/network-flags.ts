import { joinPublished } from "../../../api/container/publish-flag.ts";
import type { HostConfig } from "../../../api/types/host-config.ts";
import type { EndpointSettings, NetworkingConfig } from "../../../api/types/network.ts";
import { optionFailure } from "../../flags/flag.ts";
import { Failure } from "../../../base/failure.ts";
import { bool, list, string } from "../../flags/kinds.ts";
import { isAddress } from "../run/address.ts";
import { type FieldTable, toConfig, toHost, toTare } from "./request-fields.ts";
import { parseNetworkFlag, type NetworkFlag } from "./parsers/network.ts";
import { parseExposed, parsePublish } from "./parsers/publish.ts";

/** Flags about networks, ports, addresses and names. */
export interface NetworkValues extends EndpointValues {
  readonly "add-host": readonly string[];
  readonly domainname: string;
  readonly hostname: string;
  readonly "hosts-file": string;
  readonly "no-hostname": boolean;
  readonly "no-hosts": boolean;
}

/** The flags about networks and ports. */
export interface EndpointValues {
  readonly network: readonly NetworkFlag[];
  readonly "network-alias": readonly string[];
  readonly ip: string;
  readonly ip6: string;
  readonly "link-local-ip": readonly string[];
  readonly "mac-address": string;
  readonly link: readonly string[];
  readonly publish: readonly string[];
  readonly "publish-all": boolean;
  readonly expose: readonly string[];
  readonly dns: readonly string[];
  readonly "dns-option": readonly string[];
  readonly "dns-search": readonly string[];
}

export const networkFlags: FieldTable<NetworkValues> = {
  "add-host": toHost("ExtraHosts", list("Add a custom host-to-IP mapping (host:ip)", { check: checkHost })),
  dns: list("Set custom DNS servers"),
  "dns-option": list("Set DNS options", { also: ["dns-opt"] }),
  "dns-search": list("Set custom DNS search domains"),
  domainname: toConfig("Domainname", string("Container NIS domain name")),
  expose: list("Expose a port or a range of ports"),
  hostname: toConfig("Hostname", string("Container host name", { short: "h" })),
  "hosts-file": toTare(
    "HostsFile",
    string(
      'Base of /etc/hosts: a file (absolute path), "image" for the image\'s own, or "none" (not in Docker)',
      { words: ["image", "none"], isFile: true },
    ),
  ),
  ip: string("IPv4 address (e.g., 172.30.100.104)"),
  ip6: string("IPv6 address (e.g., 2001:db8::33)"),
  link: list("Add link to another container"),
  "link-local-ip": list("Container IPv4/IPv6 link-local addresses"),
  "mac-address": string("Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
  network: {
    type: "network",
    usage: "Connect a container to a network",
    initial: [],
    also: ["net"],
    words: ["bridge", "none", "host", "container:", "name="],
    add: (text, before) => [...before, parseNetworkFlag(text)],
  },
  "network-alias": list("Add network-scoped alias for the container", { also: ["net-alias"] }),
  "no-hostname": toTare("NoHostname", bool("Keep /etc/hostname of the image (not in Docker)")),
  "no-hosts": toTare("NoHosts", bool("Keep /etc/hosts of the image (not in Docker)")),
  publish: list("Publish a container's port(s) to the host", { short: "p" }),
  "publish-all": bool("Publish all exposed ports to random ports", { short: "P" }),
};

/**
 * The three groups of fields of a request that describe networks and ports. Throws optionFailure() in Docker's words.
 */
export function parseNetworkFlags(values: EndpointValues): {
  readonly hostConfig: HostConfig;
  readonly networkingConfig?: NetworkingConfig | undefined;
  readonly exposed: Readonly<Record<string, object>>;
  readonly macAddress?: string | undefined;
} {
  const { bindings, exposed } = joinPublished(
    values.publish.map(parsePublish),
    values.expose.map(parseExposed),
  );
  const ends = parseEnds(values);
  const [mode] = ends.keys();
  const isUserDefined = mode !== undefined && !isFixed(mode);
  return {
    hostConfig: {
      NetworkMode: mode,
      PortBindings: Object.keys(bindings).length === 0 ? undefined : bindings,
      PublishAllPorts: values["publish-all"] || undefined,
      Dns: values.dns.length === 0 ? undefined : values.dns,
      DnsOptions: values["dns-option"].length === 0 ? undefined : values["dns-option"],
      DnsSearch: values["dns-search"].length === 0 ? undefined : values["dns-search"],
      Links: values.link.length === 0 || isUserDefined ? undefined : values.link,
    },
    exposed,
    macAddress:
      values["mac-address"] === "" || (mode !== undefined && mode !== "default")
        ? undefined
        : values["mac-address"],
    networkingConfig: ends.size === 0 ? undefined : { EndpointsConfig: byName(ends) },
  };
}

/** By network, in the order in which they were given. The short flags belong to the first. */
function parseEnds(values: EndpointValues): ReadonlyMap<string, EndpointSettings> {
  const flags: readonly NetworkFlag[] =
    values.network.length === 0 && hasShort(values) ? [{ network: "default" }] : values.network;
  const ends = new Map<string, EndpointSettings>();
  for (const [index, flag] of flags.entries()) {
    const { network } = flag;
    if (ends.has(network))
      throw optionFailure(`network ${JSON.stringify(network)} is specified multiple times`);
    if (flags.length > 1 && (isFixed(network) || network.startsWith("container:"))) {
      throw optionFailure(
        "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
      );
    }
    ends.set(network, endOf(index === 0 ? withShort(flag, values) : flag));
  }
  return ends;
}

/**
 * Few: the runtime's own way to do it would be compiled first. A computed name is a property of its own, whatever it
 * is.
 */
function byName(ends: ReadonlyMap<string, EndpointSettings>): Readonly<Record<string, EndpointSettings>> {
  let named: Readonly<Record<string, EndpointSettings>> = {};
  for (const [network, end] of ends) named = { ...named, [network]: end };
  return named;
}

function hasShort(values: EndpointValues): boolean {
  return (
    values["network-alias"].length > 0 ||
    values.ip !== "" ||
    values.ip6 !== "" ||
    values["link-local-ip"].length > 0
  );
}

/** The separate flags set options of the first network that its long form can set, too: both together are refused. */
function withShort(flag: NetworkFlag, values: EndpointValues): NetworkFlag {
  const merge = (name: string, short: string, long: string | undefined): string | undefined => {
    if (short === "") return long;
    if (long === undefined) return short;
    throw optionFailure(`conflicting options: cannot specify both --${name} and per-network ${nameOf(name)}`);
  };
  const mergeList = (
    name: string,
    short: readonly string[],
    long: readonly string[] | undefined,
  ): readonly string[] | undefined => {
    if (short.length === 0) return long;
    if (long === undefined) return short;
    throw optionFailure(`conflicting options: cannot specify both --${name} and per-network ${nameOf(name)}`);
  };
  const ipv4 = merge("ip", values.ip, flag.ipv4);
  const ipv6 = merge("ip6", values.ip6, flag.ipv6);
  const macAddress = merge("mac-address", values["mac-address"], flag.macAddress);
  const aliases = mergeList("network-alias", values["network-alias"], flag.aliases);
  const linkLocal = mergeList("link-local-ip", values["link-local-ip"], flag.linkLocal);
  const links = values.link.length === 0 || isFixed(flag.network) ? flag.links : values.link;
  return { ...flag, ipv4, ipv6, macAddress, aliases, linkLocal, links };
}

function nameOf(flag: string): string {
  const names: Readonly<Record<string, string>> = {
    ip: "IPv4 address",
    ip6: "IPv6 address",
    "mac-address": "MAC address",
    "network-alias": "alias",
    "link-local-ip": "link-local IP addresses",
  };
  return names[flag] ?? flag;
}

function endOf(flag: NetworkFlag): EndpointSettings {
  const { ipv4, ipv6, linkLocal } = flag;
  const hasAddresses = ipv4 !== undefined || ipv6 !== undefined || linkLocal !== undefined;
  return {
    IPAMConfig: hasAddresses ? { IPv4Address: ipv4, IPv6Address: ipv6, LinkLocalIPs: linkLocal } : undefined,
    Aliases: flag.aliases,
    Links: flag.links,
    MacAddress: flag.macAddress,
    DriverOpts: flag.driverOptions,
    GwPriority: flag.gatewayPriority,
  };
}

function isFixed(mode: string): boolean {
  return ["default", "bridge", "none", "host"].includes(mode) || mode.startsWith("container:");
}

function checkHost(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text);
  if (match === null) throw new Failure("invalid", `bad format for add-host: ${JSON.stringify(text)}`);
  const address = (match[2] ?? "").replace(/^\[(.*)\]$/, "$1");
  if (address !== "host-gateway" && !isAddress(address)) {
    throw new Failure("invalid", `invalid IP address in add-host: ${JSON.stringify(match[2])}`);
  }
  return `${match[1]}:${address}`;
}
