import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import { completeSubnet } from "../../network/check-subnet.ts";
import type { AddressPool } from "../../spec/address-pool.ts";
import { bridgeNameOf, sinkNameOf } from "../../network/interface-names.ts";
import { findOverlap, pickSubnet } from "../../network/pick-subnet.ts";
import type { HostNetwork } from "../../network/networks.ts";
import type { NetworkPlan, NetworkSubnet } from "../../network/types.ts";
import {
  formatIpPrefix,
  type IpAddress,
  type IpFamily,
  type IpPrefix,
  parseIpAddress,
  parseIpPrefix,
} from "../../spec/ip-address.ts";
import { plainGsoSize } from "../../spec/gso-max-size.ts";
import type { NetworkSpec, SubnetSpec } from "../../model/networks.ts";
import type { NetworkRecord } from "../state/records.ts";
import { defaultNetwork, isPredefined as isPredefinedName } from "./fixed-networks.ts";
import { chooseGsoSizes, warnOfSmallTcp } from "./gso-sizes.ts";
import { readNetworkOptions } from "./network-options.ts";
import { networkInTheWay, quoted, refuseNetwork } from "./refuse-network.ts";
import type { NetworkId } from "../../model/ids.ts";

/** The existing networks and host facts. */
export interface NetworkFacts {
  readonly pools: readonly AddressPool[];
  /** Of the host's routes. */
  readonly routes: readonly IpPrefix[];
  /** Of the host, by name. */
  readonly interfaces: readonly string[];
  readonly largeTcp: HostNetwork["largeTcp"];
  readonly bypass: HostNetwork["bypass"];
  readonly others: readonly NetworkRecord[];
}

/** A network, all decided, before anything of it is made. Throws in one sentence for what can't be. Pure. */
export function resolveNetwork(
  asked: NetworkSpec,
  {
    id,
    nowMs,
    facts,
    isPredefined = false,
  }: {
    readonly id: NetworkId;
    readonly nowMs: number;
    readonly facts: NetworkFacts;
    /** Predefined networks, whose names are reserved. */
    readonly isPredefined?: boolean | undefined;
  },
): { readonly record: NetworkRecord; readonly warnings: readonly string[] } {
  const name = isPredefined ? asked.name : checkName(asked.name, facts.others);
  const spec = withConfig(asked, facts.others);
  const driver = spec.driver ?? "bridge";
  const { ipv4 = true, ipv6 = false, internal = false, options = {}, labels = {}, subnets = [] } = spec;
  checkScope(spec);
  const record: NetworkRecord = {
    id,
    name,
    createdAt: nowMs,
    driver,
    attachable: spec.attachable ?? false,
    configOnly: spec.configOnly ?? false,
    configFrom: asked.configFrom ?? "",
    ipam: { driver: spec.ipamDriver ?? "default", options: spec.ipamOptions ?? {}, subnets },
    options,
    labels,
    ipv4,
    ipv6,
    internal,
  };
  if (record.configOnly) return { record: { ...record, driver: "null" }, warnings: [] };
  if (driver !== "bridge" && driver !== "macvlan" && driver !== "ipvlan") throw unknownDriver(name, driver);
  if (!ipv4 && !ipv6) throw refuseNetwork(name, "IPv4 or IPv6 must be enabled");
  const read = readNetworkOptions({ name, driver, options, internal });
  const { interfacePrefix: _prefix, inhibitsIpv4, interfaceName, gsoMaxSize, ...rest } = read;
  const warnings = [
    ...subnets
      .filter(({ subnet = "" }) => subnet.includes(":") && !ipv6)
      .map(({ subnet }) => `the subnet ${subnet} is not used: the network has no IPv6 (--ipv6)`),
    ...warnOfSmallTcp({ ipv4, ipv6, internal, gsoMaxSize }, facts),
    ...(read.bypassesBridge === true && !facts.bypass
      ? ["bypass_bridge has no effect on this kernel: it needs interfaces of the kind macvlan"]
      : []),
  ];
  const ownBridge = interfaceName === undefined || !facts.interfaces.includes(interfaceName);
  if (!ownBridge && read.bypassesBridge === true) {
    throw refuseNetwork(
      name,
      `bypass_bridge: the bridge ${interfaceName} belongs to other software, and so do its rules`,
    );
  }
  const gsoMaxSizes = chooseGsoSizes(gsoMaxSize, { driver, internal, ownBridge });
  const plan: NetworkPlan = {
    id,
    name,
    driver,
    ipv4,
    ipv6,
    subnets: resolveSubnets(record, facts),
    internal,
    ...rest,
    gsoMaxSizes,
    interfaceName: chooseInterface({ id, name, driver }, { interfaceName, facts }),
  };
  return { record: { ...record, plan: inhibitsIpv4 ? withoutGateway4(plan) : plan }, warnings };
}

/** The network that containers are in by default, with Docker's options. */
export function resolveDefaultNetwork({
  id,
  nowMs,
  facts,
}: {
  readonly id: NetworkId;
  readonly nowMs: number;
  readonly facts: NetworkFacts;
}): NetworkRecord {
  const { record } = resolveNetwork(
    { name: defaultNetwork, labels: {} },
    { id, nowMs, facts, isPredefined: true },
  );
  return {
    ...record,
    options: {
      "com.docker.network.bridge.default_bridge": "true",
      "com.docker.network.bridge.enable_icc": "true",
      "com.docker.network.bridge.enable_ip_masquerade": "true",
      "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
      "com.docker.network.bridge.name": record.plan?.interfaceName ?? "",
      "com.docker.network.driver.mtu": String(record.plan?.mtu ?? 1500),
    },
  };
}

/** Options of the default bridge, which an engine receives each time that it is opened. */
export interface DefaultBridgeOptions {
  /** Bytes; 65536: as any interface. */
  readonly gsoMaxSize: number;
  readonly bypass: boolean;
}

/** Applies this engine's options to the default network; returns the same object when nothing changes. */
export function adaptDefaultNetwork(
  record: NetworkRecord,
  { gsoMaxSize, bypass }: DefaultBridgeOptions,
): NetworkRecord {
  const { plan } = record;
  if (plan === undefined) return record;
  const { gso_max_size: size, bypass_bridge: bypassed, ...options } = record.options;
  const isLarge = gsoMaxSize !== plainGsoSize;
  const isSame =
    size === (isLarge ? String(gsoMaxSize) : undefined) && bypassed === (bypass ? "true" : undefined);
  if (isSame) return record;
  const { gsoMaxSizes: _, bypassesBridge: __, ...rest } = plan;
  return {
    ...record,
    options: {
      ...options,
      ...(isLarge ? { gso_max_size: String(gsoMaxSize) } : {}),
      ...(bypass ? { bypass_bridge: "true" } : {}),
    },
    plan: {
      ...rest,
      gsoMaxSizes: isLarge ? { ipv4: gsoMaxSize } : undefined,
      bypassesBridge: bypass || undefined,
    },
  };
}

function checkName(name: string, others: readonly NetworkRecord[]): string {
  if (name.trim() === "") throw new Failure("invalid", "invalid name: name is empty");
  if (/[\u0000-\u001f\u007f/]/.test(name) || name.length > 255 || name.startsWith("container:")) {
    throw refuseNetwork(
      name,
      "a network's name has at most 255 characters, none of them a slash or a control character",
    );
  }
  if (isPredefinedName(name) || name === "default") {
    throw new Failure("not-permitted", `operation is not permitted on predefined ${name} network`);
  }
  if (others.some((other) => other.name === name)) {
    throw new Failure("conflict", `network with name ${name} already exists`);
  }
  return name;
}

function checkScope({ name, scope = "", ipamDriver = "", ...spec }: NetworkSpec): void {
  if (scope !== "" && scope !== "local") {
    throw refuseNetwork(name, `the scope ${quoted(scope)} needs a swarm: there is only "local"`);
  }
  if (ipamDriver !== "" && ipamDriver !== "default") {
    throw new Failure(
      "not-found",
      `cannot create network ${quoted(name)}: there is no IPAM driver ${quoted(ipamDriver)}`,
    );
  }
  if (spec.configOnly === true && spec.configFrom !== undefined) {
    throw refuseNetwork(name, "a configuration network cannot be made from another one");
  }
}

function unknownDriver(name: string, driver: string): Failure {
  if (driver === "host" || driver === "null") {
    return new Failure("not-permitted", `only one instance of "${driver}" network is allowed`);
  }
  return new Failure(
    "not-found",
    `cannot create network ${quoted(name)}: there is no network driver ${quoted(driver)}: there are bridge, macvlan and ipvlan`,
    { details: { driver } },
  );
}

/** Docker's rule: all of it comes from there, or nothing. */
function withConfig(asked: NetworkSpec, others: readonly NetworkRecord[]): NetworkSpec {
  const { configFrom } = asked;
  if (configFrom === undefined) return asked;
  const from = others.find(({ name, id }) => name === configFrom || id === configFrom);
  if (from === undefined || !from.configOnly) {
    throw new Failure(
      "not-found",
      `cannot create network ${quoted(asked.name)}: there is no configuration network ${quoted(configFrom)}`,
    );
  }
  const owns = (map: object | undefined): boolean => Object.keys(map ?? {}).length > 0;
  if (
    (asked.subnets ?? []).length > 0 ||
    owns(asked.options) ||
    owns(asked.ipamOptions) ||
    owns(asked.labels)
  ) {
    throw refuseNetwork(
      asked.name,
      "user-specified configurations are not supported if the network depends on a configuration network",
    );
  }
  return {
    ...asked,
    subnets: from.ipam.subnets,
    ipamDriver: from.ipam.driver,
    ipamOptions: from.ipam.options,
    options: from.options,
    labels: from.labels,
    ipv4: from.ipv4,
    ipv6: from.ipv6,
    internal: asked.internal ?? from.internal,
  };
}

function resolveSubnets(record: NetworkRecord, facts: NetworkFacts): readonly NetworkSubnet[] {
  const { name, ipam, driver, internal } = record;
  const wishes = ipam.subnets.map((wish) => readWish(name, wish));
  // Child links are in their parent's subnet, to which the host has a route.
  const routes = driver === "bridge" ? facts.routes : [];
  const taken = facts.others.flatMap(({ plan }) => plan?.subnets.map(({ subnet }) => subnet) ?? []);
  const used = [...taken, ...routes];
  const families: readonly IpFamily[] = [
    ...(record.ipv4 ? [4 as const] : []),
    ...(record.ipv6 ? [6 as const] : []),
  ];
  return families.flatMap((family) => {
    const own = wishes.filter(({ subnet }) => subnet.address.family === family);
    if (own.length > 1 && driver === "bridge")
      throw refuseNetwork(name, `a ${driver} network has one IPv${family} subnet at most`);
    if (own.length === 0) return [complete({ subnet: pickSubnet(family, { pools: facts.pools, used }) })];
    own.forEach(({ subnet }, at) => {
      checkOverlap(record, { subnet, taken, routes });
      refuseOwnOverlap(name, { subnet, before: own.slice(0, at) });
    });
    return own.map(complete);
  });

  function complete(wish: Parameters<typeof completeSubnet>[0]): NetworkSubnet {
    try {
      return completeSubnet(wish, { gateway: driver === "bridge" || !internal });
    } catch (thrown) {
      throw kindOf(thrown) === "invalid" ? refuseNetwork(name, sentenceOf(thrown)) : thrown;
    }
  }

  function checkOverlap(
    { name: own }: NetworkRecord,
    there: {
      readonly subnet: IpPrefix;
      readonly taken: readonly IpPrefix[];
      readonly routes: readonly IpPrefix[];
    },
  ): void {
    const shown = formatIpPrefix(there.subnet);
    const other = findOverlap(there.subnet, there.taken);
    if (other !== undefined) {
      const holder = facts.others.find(({ plan }) => plan?.subnets.some(({ subnet }) => subnet === other));
      throw networkInTheWay(
        own,
        `Pool overlaps with other one on this address space: ${shown} with ${formatIpPrefix(other)} of network ${quoted(holder?.name ?? "")}`,
      );
    }
    const route = findOverlap(there.subnet, there.routes);
    if (route !== undefined) {
      throw networkInTheWay(
        own,
        `the subnet ${shown} overlaps with the host's route to ${formatIpPrefix(route)}`,
      );
    }
  }
}

function refuseOwnOverlap(
  name: string,
  {
    subnet,
    before,
  }: { readonly subnet: IpPrefix; readonly before: readonly { readonly subnet: IpPrefix }[] },
): void {
  const other = findOverlap(
    subnet,
    before.map((each) => each.subnet),
  );
  if (other === undefined) return;
  throw refuseNetwork(
    name,
    `Pool overlaps with other one on this address space: ${formatIpPrefix(subnet)} with its own ${formatIpPrefix(other)}`,
  );
}

function readWish(name: string, wish: SubnetSpec): Parameters<typeof completeSubnet>[0] {
  const { subnet = "", range = "", gateway = "", auxiliary = {} } = wish;
  if (subnet === "") {
    throw refuseNetwork(name, "every ip-range or gateway must have a corresponding subnet");
  }
  try {
    return {
      subnet: parseIpPrefix(subnet, { strict: true }),
      range: range === "" ? undefined : parseIpPrefix(range),
      gateway: gateway === "" ? undefined : parseIpAddress(gateway.split("/")[0] ?? ""),
      auxiliary: Object.keys(auxiliary).length === 0 ? undefined : mapValues(auxiliary, parseIpAddress),
    };
  } catch (thrown) {
    throw refuseNetwork(name, sentenceOf(thrown));
  }
}

function mapValues(
  map: Readonly<Record<string, string>>,
  read: (text: string) => IpAddress,
): Readonly<Record<string, IpAddress>> {
  return Object.fromEntries(Object.entries(map).map(([key, text]) => [key, read(text)]));
}

function chooseInterface(
  { id, name, driver }: Pick<NetworkPlan, "id" | "name" | "driver">,
  { interfaceName, facts }: { readonly interfaceName: string | undefined; readonly facts: NetworkFacts },
): string {
  if (interfaceName === undefined) return driver === "bridge" ? bridgeNameOf(id) : sinkNameOf(id, driver);
  // Networks of macvlan may share a parent.
  const holder =
    driver === "macvlan"
      ? undefined
      : facts.others.find(({ plan }) => plan?.driver === driver && plan.interfaceName === interfaceName);
  if (holder === undefined) return interfaceName;
  if (driver === "ipvlan") {
    // KERNEL: mode and flag are the parent's, so each of the networks would change those of the other. As dockerd words
    // it, which names the other one so.
    throw new Failure(
      "conflict",
      `network ${sinkNameOf(holder.id, driver)} is already using parent interface ${interfaceName}: it is network ${quoted(holder.name)}`,
    );
  }
  throw networkInTheWay(name, `network ${quoted(holder.name)} has the bridge ${interfaceName}`);
}

function withoutGateway4(plan: NetworkPlan): NetworkPlan {
  const subnets = plan.subnets.map(({ gateway, ...subnet }) =>
    gateway === undefined || gateway.family === 4 ? subnet : { ...subnet, gateway },
  );
  return { ...plan, subnets };
}
