import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import type { GatewayMode, NetworkPlan } from "../../network/types.ts";
import type { IpvlanOptions, MacvlanMode } from "../../linux/netlink/links.ts";
import { type IpAddress, type IpFamily, parseIpAddress } from "../../spec/ip-address.ts";
import { parseGsoMaxSize } from "../../spec/gso-max-size.ts";
import { refuseNetwork } from "./refuse-network.ts";

const bridgePrefix = "com.docker.network.bridge.";
const driverPrefix = "com.docker.network.driver.";
const defaultMtu = 1500;

/** The options of a network that its driver interprets; `interfaceName` if one of them names it. */
export interface NetworkOptions
  extends Pick<
    NetworkPlan,
    | "interContainer"
    | "mtu"
    | "gatewayMode4"
    | "gatewayMode6"
    | "masquerade"
    | "defaultBindings"
    | "hostAddress4"
    | "hostAddress6"
    | "macvlanMode"
    | "ipvlan"
    | "bypassesBridge"
  > {
  readonly interfaceName?: string | undefined;
  /** The host's side has no address of its own. */
  readonly inhibitsIpv4: boolean;
  /** 65536 is explicit, too; undefined: the option was absent. */
  readonly gsoMaxSize: number | undefined;
  /** Of interfaces in containers: `eth`. */
  readonly interfacePrefix: string;
}

export interface NamedOptions {
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly internal: boolean;
}

/**
 * Reads a driver's options. Throws "invalid" naming the one that is wrong; those of others are let be, as Docker does.
 */
export function readNetworkOptions(network: NamedOptions): NetworkOptions {
  const { driver, options, internal } = network;
  const interfaceName = options[interfaceOption(network)];
  return {
    interfaceName:
      interfaceName === undefined || interfaceName === ""
        ? undefined
        : checkInterface(network, interfaceName),
    macvlanMode: driver === "macvlan" ? readChoice(network, macvlanMode) : undefined,
    ipvlan:
      driver === "ipvlan"
        ? { mode: readChoice(network, ipvlanMode), flag: readChoice(network, ipvlanFlag) }
        : undefined,
    interContainer: readTruth(network, `${bridgePrefix}enable_icc`, true),
    inhibitsIpv4: readTruth(network, `${bridgePrefix}inhibit_ipv4`, false),
    masquerade: readTruth(network, `${bridgePrefix}enable_ip_masquerade`, true) && !internal,
    mtu: readMtu(network),
    gsoMaxSize: readGsoMaxSize(network),
    bypassesBridge: readBypass(network) || undefined,
    gatewayMode4: readGatewayMode(network, "ipv4"),
    gatewayMode6: readGatewayMode(network, "ipv6"),
    defaultBindings: readBindings(network),
    ...hostAddress(network, 4),
    ...hostAddress(network, 6),
    interfacePrefix: options["com.docker.network.container_iface_prefix"] || "eth",
  };
}

function readTruth(network: NamedOptions, key: string, initial: boolean): boolean {
  const text = network.options[key];
  if (text === undefined || text === "") return initial;
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:0|f|false)$/i.test(text)) return false;
  throw wrong(network, key, "it is true or false");
}

function readMtu(network: NamedOptions): number {
  const key = `${driverPrefix}mtu`;
  const text = network.options[key] ?? network.options["mtu"];
  if (text === undefined || text === "") return defaultMtu;
  const mtu = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (mtu < 68 || mtu > 65_535) throw wrong(network, key, "it is a number from 68 to 65535");
  return mtu;
}

function readGsoMaxSize(network: NamedOptions): number | undefined {
  const key = "gso_max_size";
  const text = network.options[key];
  if (text === undefined || text === "") return undefined;
  if (network.driver !== "bridge") throw wrong(network, key, "it is for networks of the driver bridge");
  try {
    return parseGsoMaxSize(text);
  } catch (thrown) {
    throw kindOf(thrown) === "invalid" ? wrong(network, key, sentenceOf(thrown)) : thrown;
  }
}

function readBypass(network: NamedOptions): boolean {
  const key = "bypass_bridge";
  if (!readTruth(network, key, false)) return false;
  if (network.driver !== "bridge") throw wrong(network, key, "it is for networks of the driver bridge");
  if (readTruth(network, `${bridgePrefix}enable_icc`, true)) return true;
  throw wrong(network, key, "its containers may not talk to each other (enable_icc is false)");
}

function readGatewayMode(network: NamedOptions, family: "ipv4" | "ipv6"): GatewayMode {
  const key = `${bridgePrefix}gateway_mode_${family}`;
  const text = network.options[key] ?? "";
  switch (text) {
    case "":
      return "nat";
    case "nat":
    case "nat-unprotected":
    case "routed":
      return text;
    case "isolated":
      if (!network.internal) throw wrong(network, key, "isolated needs an internal network");
      return text;
    default:
      throw wrong(network, key, "it is nat, nat-unprotected, routed or isolated");
  }
}

function readBindings(network: NamedOptions): readonly IpAddress[] {
  const text = network.options[`${bridgePrefix}host_binding_ipv4`] ?? "";
  return text === "" || text === "0.0.0.0"
    ? []
    : [readAddress(network, `${bridgePrefix}host_binding_ipv4`, text)];
}

function hostAddress(
  network: NamedOptions,
  family: IpFamily,
): Partial<Pick<NetworkPlan, "hostAddress4" | "hostAddress6">> {
  const key = `com.docker.network.host_ipv${family}`;
  const text = network.options[key] ?? "";
  if (text === "") return {};
  const address = readAddress(network, key, text);
  if (address.family !== family) throw wrong(network, key, `it is an IPv${family} address`);
  return { [`hostAddress${family}`]: address };
}

function readAddress(network: NamedOptions, key: string, text: string): IpAddress {
  try {
    return parseIpAddress(text);
  } catch (cause) {
    if (cause instanceof Failure) throw wrong(network, key, "it is an IP address");
    throw cause;
  }
}

interface Choice<T extends string> {
  readonly key: string;
  /** The first one is the default. */
  readonly values: readonly [T, ...T[]];
}

const macvlanMode: Choice<MacvlanMode> = {
  key: "macvlan_mode",
  values: ["bridge", "private", "vepa", "passthru"],
};
const ipvlanMode: Choice<IpvlanOptions["mode"]> = { key: "ipvlan_mode", values: ["l2", "l3", "l3s"] };
const ipvlanFlag: Choice<IpvlanOptions["flag"]> = {
  key: "ipvlan_flag",
  values: ["bridge", "private", "vepa"],
};

function readChoice<T extends string>(network: NamedOptions, { key, values }: Choice<T>): T {
  const text = network.options[key] || values[0];
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  // As dockerd words it.
  const [driver = "", what = ""] = key.split("_");
  const suffix = what === "mode" ? " mode" : "";
  throw new Failure(
    "invalid",
    `requested ${driver} ${what} '${text.slice(0, 50)}' is not valid, '${values[0]}'${suffix} is the ${driver} driver default: it is one of ${values.join(", ")}`,
  );
}

/** The option that names the host's interface. */
function interfaceOption({ driver }: NamedOptions): string {
  return driver === "bridge" ? `${bridgePrefix}name` : "parent";
}

/** KERNEL: names of interfaces have at most 15 bytes, no slash and no blank. */
function checkInterface(network: NamedOptions, text: string): string {
  const { name, driver } = network;
  if (driver !== "bridge" && text === "lo")
    throw new Failure("invalid", `loopback interface is not a valid ${driver} parent link`);
  if (!/^[\x21-\x2e\x30-\x7e]{1,15}$/.test(text) || text === "." || text === "..") {
    throw refuseNetwork(
      name,
      `invalid ${interfaceOption(network)} "${text.slice(0, 50)}": an interface's name has 1 to 15 characters`,
    );
  }
  return text;
}

function wrong({ name, options }: NamedOptions, key: string, rule: string): Failure {
  return refuseNetwork(
    name,
    `invalid value for option ${key}: "${(options[key] ?? "").slice(0, 50)}": ${rule}`,
  );
}
