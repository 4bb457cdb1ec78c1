import type { NetworkCreateRequest } from "../../api/types/network.ts";
import type { Command } from "../command.ts";
import { bool, list, map, string } from "../flags/kinds.ts";
import { checkLabel, splitLabel } from "../flags/label.ts";
import { toPools } from "./pools.ts";

interface Values {
  readonly attachable: boolean;
  readonly "aux-address": Readonly<Record<string, string>>;
  readonly "config-from": string;
  readonly "config-only": boolean;
  readonly driver: string;
  readonly gateway: readonly string[];
  readonly ingress: boolean;
  readonly internal: boolean;
  readonly "ip-range": readonly string[];
  readonly "ipam-driver": string;
  readonly "ipam-opt": Readonly<Record<string, string>>;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly label: readonly string[];
  readonly opt: Readonly<Record<string, string>>;
  readonly scope: string;
  readonly subnet: readonly string[];
}

export const networkCreate: Command<Values> = {
  usage: "[OPTIONS] NETWORK",
  takes: [1, 1],
  flags: {
    attachable: bool("Enable manual container attachment"),
    "aux-address": map("Auxiliary IPv4 or IPv6 addresses used by Network driver"),
    "config-from": string("The network from which to copy the configuration", { type: "network" }),
    "config-only": bool("Create a configuration only network"),
    driver: string("Driver to manage the Network", {
      short: "d",
      initial: "bridge",
      words: ["bridge", "ipvlan", "macvlan"],
    }),
    gateway: list("IPv4 or IPv6 Gateway for the master subnet"),
    ingress: bool("Create swarm routing-mesh network"),
    internal: bool("Restrict external access to the network"),
    "ip-range": list("Allocate container ip from a sub-range"),
    "ipam-driver": string("IP Address Management Driver", { initial: "default" }),
    "ipam-opt": map("Set IPAM driver specific options"),
    ipv4: bool("Enable or disable IPv4 address assignment", { initial: true }),
    ipv6: bool("Enable or disable IPv6 address assignment"),
    label: list("Set metadata on a network", { check: checkLabel }),
    opt: map(
      "Set driver specific options (bridge: bypass_bridge=true, gso_max_size=192k: faster between containers)",
      {
        short: "o",
        words: [
          "bypass_bridge=",
          "com.docker.network.bridge.name=",
          "com.docker.network.bridge.enable_icc=",
          "com.docker.network.bridge.enable_ip_masquerade=",
          "com.docker.network.bridge.gateway_mode_ipv4=",
          "com.docker.network.bridge.gateway_mode_ipv6=",
          "com.docker.network.bridge.host_binding_ipv4=",
          "com.docker.network.bridge.inhibit_ipv4=",
          "com.docker.network.driver.mtu=",
          "gso_max_size=",
          "ipvlan_flag=",
          "ipvlan_mode=",
          "macvlan_mode=",
          "parent=",
        ],
      },
    ),
    scope: string("Control the network's scope", { words: ["local"] }),
    subnet: list("Subnet in CIDR format that represents a network segment"),
  },
  completes: ["none"],
  examples: [
    "tare network create backend",
    "tare network create --subnet 10.5.0.0/16 --gateway 10.5.0.1 --ip-range 10.5.1.0/24 lan",
    "tare network create --ipv6 --internal vault",
    "tare network create --opt gso_max_size=192k fast",
    "tare network create --internal --opt bypass_bridge=true database",
    "tare network create -d macvlan --subnet 192.168.1.0/24 -o parent=eth0 home",
    "tare network create -d ipvlan --subnet 10.7.0.0/24 -o parent=eth0.10 -o ipvlan_mode=l3 routed",
  ],
  async run(call) {
    const [name = ""] = call.positional;
    const client = await call.client();
    const { Id, Warning } = await client.networks.create(toRequest(name, call.values, call.given));
    if (Warning !== "") call.err(`WARNING: ${Warning.replaceAll("\n", "\nWARNING: ")}\n`);
    call.out(`${Id}\n`);
    return 0;
  },
};

function toRequest(name: string, values: Values, given: ReadonlySet<string>): NetworkCreateRequest {
  const pools = toPools({
    subnets: values.subnet,
    ranges: values["ip-range"],
    gateways: values.gateway,
    auxiliary: values["aux-address"],
  });
  return {
    Name: name,
    Driver: values.driver,
    Options: values.opt,
    Labels: Object.fromEntries(values.label.map(splitLabel)),
    IPAM: { Driver: values["ipam-driver"], Options: values["ipam-opt"], Config: pools },
    Internal: values.internal,
    Attachable: values.attachable,
    Ingress: values.ingress,
    Scope: values.scope,
    ConfigOnly: values["config-only"],
    ConfigFrom: values["config-from"] === "" ? undefined : { Network: values["config-from"] },
    EnableIPv4: given.has("ipv4") ? values.ipv4 : undefined,
    EnableIPv6: given.has("ipv6") ? values.ipv6 : undefined,
  };
}
