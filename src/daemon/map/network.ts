import type { EndpointSettings, Network, NetworkSettings } from "../../api/types/network.ts";

const unassigned: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: "",
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: "",
  EndpointID: "",
  Gateway: "",
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};

/** The two networks that are there without being made. Their ids are fixed: they name a mode, not a thing. */
export const fixedNetworks: readonly Network[] = [
  { name: "host", id: "68" },
  { name: "none", id: "6e" },
].map(({ name, id }) => ({
  Name: name,
  Id: id.padEnd(64, "0"),
  Created: "0001-01-01T00:00:00Z",
  Scope: "local",
  Driver: name === "none" ? "null" : name,
  EnableIPv4: true,
  EnableIPv6: false,
  IPAM: { Driver: "default", Options: null, Config: null },
  Internal: false,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: "" },
  ConfigOnly: false,
  Containers: {},
  Options: {},
  Labels: {},
}));

/** By network, what the container has there: nothing is assigned in `none` and `host`; a shared one is its owner's. */
export function endpointsOf(networkMode: string): Readonly<Record<string, EndpointSettings>> {
  const network = fixedNetworks.find(({ Name }) => Name === networkMode);
  return network === undefined ? {} : { [network.Name]: { ...unassigned, NetworkID: network.Id } };
}

export function networkSettingsOf(networkMode: string): NetworkSettings {
  return {
    Bridge: "",
    SandboxID: "",
    SandboxKey: "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    Ports: {},
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: "",
    Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    MacAddress: "",
    Networks: endpointsOf(networkMode),
  };
}
