import { Failure, kindOf, within } from "../../base/failure.ts";
import type { TakenAddresses } from "../../network/address-set.ts";
import { isSinkName } from "../../network/interface-names.ts";
import { macAddressOf, parseMacAddress } from "../../network/mac-address.ts";
import { pickAddress } from "../../network/pick-address.ts";
import type { EndpointPlan, NetworkPlan, PublishedPorts } from "../../network/types.ts";
import {
  formatIpAddress,
  hasAddress,
  type IpAddress,
  type IpFamily,
  parseIpAddress,
} from "../../spec/ip-address.ts";
import type { EndpointSettings } from "../../model/networks.ts";
import type { EndpointId } from "../../model/ids.ts";

/** A network that a container is about to be in. */
export interface WantedEndpoint {
  readonly endpointId: EndpointId;
  readonly containerId: string;
  readonly network: NetworkPlan;
  readonly settings: EndpointSettings;
  readonly interfacePrefix: string;
  /** Leased addresses of the network. */
  readonly taken: TakenAddresses;
}

const ifnameOption = "com.docker.network.endpoint.ifname";
const sysctlsOption = "com.docker.network.endpoint.sysctls";

/**
 * Plans without routes and ports: those depend on all the networks together. Throws "invalid", "conflict", "exhausted".
 */
export function resolveEndpoint(
  wanted: WantedEndpoint,
  { usedNames }: { readonly usedNames: readonly string[] },
): EndpointPlan {
  const { endpointId, containerId, network, settings } = wanted;
  try {
    const addresses = ([4, 6] as const).flatMap((family) => addressIn(wanted, family) ?? []);
    const [first] = addresses;
    if (first === undefined) throw new Failure("invalid", "it has no subnet");
    return {
      id: endpointId,
      networkId: network.id,
      containerId,
      macAddress: macAddressFor(wanted, first.address),
      addresses,
      linkLocal: (settings.linkLocal ?? []).map(parseIpAddress),
      interfaceName: nameInterface(wanted, usedNames),
      defaultGateways: [],
      sysctls: readSysctls(settings),
      ports: [],
    };
  } catch (thrown) {
    throw within(`cannot connect to network "${network.name}"`, thrown);
  }
}

/** Of several subnets of the family: the one that has the address asked for, else the first with a free one. */
function addressIn(
  { network, settings, taken }: WantedEndpoint,
  family: IpFamily,
): EndpointPlan["addresses"][number] | undefined {
  const text = family === 4 ? settings.ipv4 : settings.ipv6;
  const wanted = text === undefined ? undefined : parseIpAddress(text);
  const subnets = network.subnets.filter(({ subnet }) => subnet.address.family === family);
  const chosen = wanted && subnets.find(({ subnet }) => hasAddress(subnet, wanted));
  let full: unknown;
  for (const subnet of chosen === undefined ? subnets : [chosen]) {
    try {
      return { address: pickAddress(subnet, { taken, wanted }), bits: subnet.subnet.bits };
    } catch (thrown) {
      if (kindOf(thrown) !== "exhausted") throw thrown;
      full ??= thrown;
    }
  }
  if (full !== undefined) throw full;
  return undefined;
}

function macAddressFor({ network, settings, endpointId }: WantedEndpoint, first: IpAddress): string {
  if (network.driver === "ipvlan") return "";
  return settings.macAddress === undefined
    ? macAddressOf(first, { seed: endpointId })
    : parseMacAddress(settings.macAddress);
}

/** The best comes first: gateway priority, then networks with a way out, then names. */
export function orderByPriority<
  T extends { readonly network: NetworkPlan; readonly settings: EndpointSettings },
>(ends: readonly T[]): readonly T[] {
  return [...ends].sort(
    (one, other) =>
      (other.settings.gatewayPriority ?? 0) - (one.settings.gatewayPriority ?? 0) ||
      Number(one.network.internal) - Number(other.network.internal) ||
      (one.network.name < other.network.name ? -1 : 1),
  );
}

/** Default routes and published ports of a container's ends: those of each family lead through the best that has it. */
export function routeEndpoints(
  ends: readonly {
    readonly network: NetworkPlan;
    readonly settings: EndpointSettings;
    readonly plan: EndpointPlan;
  }[],
  {
    ports,
    relaysIpv6 = false,
  }: {
    readonly ports: readonly PublishedPorts[];
    /** Whether ports of a container without IPv6 may be relayed from the host's IPv6 addresses. */
    readonly relaysIpv6?: boolean | undefined;
  },
): readonly EndpointPlan[] {
  const ordered = orderByPriority(ends);
  const gateway = (family: IpFamily): NetworkPlan | undefined =>
    ordered.find(({ network, plan }) => gatewayFor(plan, { network, family }) !== undefined)?.network;
  const [v4, v6] = [gateway(4), gateway(6)];
  const isTranslated = v4 !== undefined && ["nat", "nat-unprotected"].includes(v4.gatewayMode4);
  const relayed = relaysIpv6 && v6 === undefined && isTranslated ? v4 : undefined;
  return ends.map(({ network, plan }) => {
    const gateways = ([4, 6] as const).flatMap((family) =>
      (family === 4 ? v4 : v6) === network ? (gatewayFor(plan, { network, family }) ?? []) : [],
    );
    const publishes = network.driver === "bridge";
    return {
      ...plan,
      defaultGateways: gateways,
      ports: publishes ? ports.flatMap((each) => portsThrough(each, { network, v4, v6, relayed })) : [],
      relaysIpv6: publishes && network === relayed ? true : undefined,
    };
  });
}

/** Of ports on all addresses, a network that has the routes of one family only gets that family's. */
function portsThrough(
  ports: PublishedPorts,
  {
    network,
    v4,
    v6,
    relayed,
  }: {
    readonly network: NetworkPlan;
    readonly v4: NetworkPlan | undefined;
    readonly v6: NetworkPlan | undefined;
    /** The network that ports at IPv6 addresses are relayed to. */
    readonly relayed: NetworkPlan | undefined;
  },
): readonly PublishedPorts[] {
  const { hostAddress } = ports;
  if (hostAddress !== undefined) {
    const six = v6 ?? (ports.protocol === "sctp" ? undefined : relayed);
    return (hostAddress.family === 4 ? v4 : six) === network ? [ports] : [];
  }
  if (network !== v4 && network !== v6) return [];
  const { defaultBindings } = network;
  const bound = defaultBindings.filter(({ family }) => (family === 4 ? v4 : v6) === network);
  if (bound.length > 0) return bound.map((address) => ({ ...ports, hostAddress: address }));
  const other = network === v4 ? v6 : v4;
  if (other === network || other === undefined) return [ports];
  const family = network === v4 ? 4 : 6;
  return [{ ...ports, hostAddress: { family, value: 0n } }];
}

export function gatewayOf({ subnets }: NetworkPlan, family: IpFamily): IpAddress | undefined {
  return subnets.find(({ subnet }) => subnet.address.family === family)?.gateway;
}

/**
 * The gateway of an endpoint, if its network has a way out. The unspecified address: its interface itself, without a
 * gateway.
 */
export function gatewayFor(
  { addresses }: Pick<EndpointPlan, "addresses">,
  { network, family }: { readonly network: NetworkPlan; readonly family: IpFamily },
): IpAddress | undefined {
  const { internal, ipvlan, driver, interfaceName, subnets } = network;
  const own = addresses.find(({ address }) => address.family === family)?.address;
  if (internal || own === undefined) return undefined;
  if (driver !== "bridge" && isSinkName(interfaceName)) return undefined;
  if (ipvlan !== undefined && ipvlan.mode !== "l2") return { family, value: 0n };
  return subnets.find(({ subnet }) => hasAddress(subnet, own))?.gateway;
}

/** Checks what can be known before the container starts. Throws "invalid" in Docker's meaning. */
export function checkEndpoint(
  {
    name,
    plan,
    isDefault,
  }: {
    readonly name: string;
    readonly plan: NetworkPlan;
    /** The default bridge, which has no names and no addresses of one's choice. */
    readonly isDefault: boolean;
  },
  settings: EndpointSettings,
): void {
  const wrong = (detail: string): Failure =>
    new Failure("invalid", `invalid config for network ${name}: invalid endpoint settings: ${detail}`);
  const asked = [settings.ipv4, settings.ipv6].filter((text) => text !== undefined);
  if (isDefault && asked.length > 0) {
    throw wrong("user specified IP address is supported on user defined networks only");
  }
  if (isDefault && (settings.aliases ?? []).length > 0) {
    throw wrong("network-scoped alias is supported only for containers in user defined networks");
  }
  for (const [family, text] of [
    [4, settings.ipv4],
    [6, settings.ipv6],
  ] as const) {
    if (text === undefined) continue;
    const address = readAddress(text, wrong);
    if (address.family !== family) throw wrong(`invalid IPv${family} address: ${text}`);
    if (!plan.subnets.some(({ subnet }) => hasAddress(subnet, address))) {
      throw wrong(`no configured subnet or ip-range contain the IP address ${text}`);
    }
  }
  for (const text of settings.linkLocal ?? []) readAddress(text, wrong);
  if (settings.macAddress !== undefined) {
    if (plan.driver === "ipvlan")
      throw wrong("ipvlan interfaces do not support custom mac address assignment");
    try {
      parseMacAddress(settings.macAddress);
    } catch {
      throw wrong(`invalid MAC address: ${settings.macAddress.slice(0, 50)}`);
    }
  }
  const ifname = settings.driverOptions?.[ifnameOption];
  if (ifname !== undefined && !/^[\x21-\x2e\x30-\x7e]{1,15}$/.test(ifname)) {
    throw wrong(`invalid interface name: ${JSON.stringify(ifname.slice(0, 50))}`);
  }
  try {
    readSysctls(settings);
  } catch (thrown) {
    throw thrown instanceof Failure ? wrong(thrown.message) : thrown;
  }
}

function readAddress(text: string, wrong: (detail: string) => Failure): IpAddress {
  try {
    return parseIpAddress(text);
  } catch {
    throw wrong(`invalid IP address: ${text.slice(0, 100)}`);
  }
}

function nameInterface({ settings, interfacePrefix }: WantedEndpoint, used: readonly string[]): string {
  const asked = settings.driverOptions?.[ifnameOption];
  if (asked !== undefined) {
    if (!used.includes(asked)) return asked;
    throw new Failure("conflict", `the container has an interface "${asked}" already`);
  }
  for (let at = 0; ; at++) {
    const name = `${interfacePrefix}${at}`;
    if (!used.includes(name)) return name;
  }
}

/** `net.ipv4.conf.IFNAME.log_martians=1,…`: of the interface alone. */
function readSysctls({ driverOptions }: EndpointSettings): Readonly<Record<string, string>> {
  const text = driverOptions?.[sysctlsOption] ?? "";
  const entries = text.split(",").filter((entry) => entry.trim() !== "");
  return Object.fromEntries(
    entries.map((entry) => {
      const [name = "", value] = entry.trim().split("=");
      if (value === undefined || !/^net\.(?:ipv4|ipv6|mpls)\.[a-z]+\.IFNAME\.[a-z0-9_]+$/.test(name)) {
        throw new Failure(
          "invalid",
          `invalid sysctl of an interface: ${JSON.stringify(entry.slice(0, 100))}`,
        );
      }
      return [name, value];
    }),
  );
}

/** `172.17.0.2/16`; "" without an address of the family. */
export function addressText({ addresses }: EndpointPlan, family: IpFamily): string {
  const found = addresses.find(({ address }) => address.family === family);
  return found === undefined ? "" : `${formatIpAddress(found.address)}/${found.bits}`;
}
