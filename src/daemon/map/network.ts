import { parsePortRange } from "../../spec/port-range.ts";
import { required } from "../../base/required.ts";
import { mergeDefined } from "../../base/defined.ts";
import { formatSettings } from "../../api/network/endpoint-settings.ts";
import type { EndpointSettings, Network, NetworkSettings } from "../../api/types/network.ts";
import type { PortBinding } from "../../api/types/host-config.ts";
import type { Port } from "../../api/types/container.ts";
import type { BoundPorts, EndpointDetails, NetworkDetails } from "../../model/networks.ts";
import type { ContainerSummary } from "../../model/containers.ts";
import { spellOutPorts } from "../../spec/port-range.ts";
import { timeText } from "./container-state.ts";

/** A network as `GET /networks/{id}` shows it; in the list without its containers. */
export function networkOf(
  network: NetworkDetails,
  { hasContainers = true }: { readonly hasContainers?: boolean | undefined } = {},
): Network {
  const { ipam, containers } = network;
  const isFixed = network.driver === "host" || (network.driver === "null" && !network.configOnly);
  return {
    Name: network.name,
    Id: network.id,
    Created: timeText(network.createdAt),
    Scope: "local",
    Driver: network.driver,
    EnableIPv4: network.ipv4,
    EnableIPv6: network.ipv6,
    IPAM: {
      Driver: ipam.driver,
      Options: Object.keys(ipam.options).length === 0 ? null : ipam.options,
      Config: isFixed
        ? null
        : ipam.subnets.map(({ subnet, range, gateway, auxiliary }) => ({
            Subnet: subnet,
            IPRange: range,
            Gateway: gateway,
            AuxiliaryAddresses: auxiliary,
          })),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom },
    ConfigOnly: network.configOnly,
    Containers: hasContainers
      ? Object.fromEntries(
          Object.entries(containers).map(([id, { name, endpointId, macAddress, ipv4, ipv6 }]) => [
            id,
            {
              Name: name,
              EndpointID: endpointId,
              MacAddress: macAddress,
              IPv4Address: ipv4,
              IPv6Address: ipv6,
            },
          ]),
        )
      : {},
    Options: network.options,
    Labels: network.labels,
  };
}

/** Ids of the networks that name a mode. */
const fixedIds: Readonly<Record<string, string>> = { host: "68".padEnd(64, "0"), none: "6e".padEnd(64, "0") };

type Connected = Pick<ContainerSummary, "networkMode" | "endpoints">;

/** By network, what the container has there: nothing is assigned in `none` and `host`; a shared one is its owner's. */
export function endpointsOf({
  networkMode,
  endpoints,
}: Connected): Readonly<Record<string, EndpointSettings>> {
  const fixed = fixedIds[networkMode];
  if (fixed !== undefined) return { [networkMode]: { ...empty, NetworkID: fixed } };
  return Object.fromEntries(endpoints.map((endpoint) => [endpoint.networkName, endpointOf(endpoint)]));
}

const empty: EndpointSettings = {
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

function endpointOf({ networkId, settings, names, joined }: EndpointDetails): EndpointSettings {
  return {
    ...mergeDefined(empty, formatSettings(settings)),
    MacAddress: joined?.macAddress ?? settings.macAddress ?? "",
    NetworkID: networkId,
    EndpointID: joined?.endpointId ?? "",
    Gateway: joined?.ipv4?.gateway ?? "",
    IPAddress: joined?.ipv4?.address ?? "",
    IPPrefixLen: joined?.ipv4?.bits ?? 0,
    IPv6Gateway: joined?.ipv6?.gateway ?? "",
    GlobalIPv6Address: joined?.ipv6?.address ?? "",
    GlobalIPv6PrefixLen: joined?.ipv6?.bits ?? 0,
    DNSNames: names.length === 0 ? null : names,
  };
}

/** `NetworkSettings` of inspect. Its single-network fields are the default bridge's. */
export function networkSettingsOf(
  container: Pick<ContainerSummary, "networkMode" | "endpoints" | "ports" | "exposedPorts" | "state">,
): NetworkSettings {
  const networks = endpointsOf(container);
  const bridge: EndpointSettings = networks["bridge"] ?? empty;
  const runs = container.state.status === "running" || container.state.status === "paused";
  return {
    Bridge: "",
    SandboxID: "",
    SandboxKey: runs ? `/proc/${"pid" in container.state ? container.state.pid : ""}/ns/net` : "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    Ports: runs ? portMapOf(container) : {},
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge.EndpointID ?? "",
    Gateway: bridge.Gateway ?? "",
    GlobalIPv6Address: bridge.GlobalIPv6Address ?? "",
    GlobalIPv6PrefixLen: bridge.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge.IPAddress ?? "",
    IPPrefixLen: bridge.IPPrefixLen ?? 0,
    IPv6Gateway: bridge.IPv6Gateway ?? "",
    MacAddress: bridge.MacAddress ?? "",
    Networks: networks,
  };
}

type WithPorts = Pick<ContainerSummary, "ports" | "exposedPorts" | "networkMode">;

/** Each exposed port, with where it is published; null where it is not. */
function portMapOf({
  ports,
  exposedPorts,
  networkMode,
}: WithPorts): Readonly<Record<string, readonly PortBinding[] | null>> {
  if (fixedIds[networkMode] !== undefined || networkMode.startsWith("container:")) return {};
  const map: Record<string, PortBinding[] | null> = {};
  for (const port of exposedPorts.flatMap(spellOutPorts)) map[port] = null;
  for (const { port, binding } of ports.flatMap(bindingsOf)) (map[port] ??= []).push(binding);
  return map;
}

function bindingsOf({ protocol, containerPort, count, hostAddress, hostPort }: BoundPorts): readonly {
  readonly port: string;
  readonly binding: PortBinding;
}[] {
  return Array.from({ length: count }, (_, at) => ({
    port: `${containerPort + at}/${protocol}`,
    binding: { HostIp: hostAddress, HostPort: String(hostPort + at) },
  }));
}

/** `Ports` of a row of the list: those that are published, and those that are exposed alone. */
export function portsOf(container: WithPorts & Pick<ContainerSummary, "state">): readonly Port[] {
  if (container.state.status !== "running" && container.state.status !== "paused") return [];
  return Object.entries(portMapOf(container)).flatMap(([key, bindings]): readonly Port[] => {
    const { first: port, protocol: type } = required(parsePortRange(key)); // portMapOf() has no other keys
    if (bindings === null) return [{ PrivatePort: port, Type: type }];
    return bindings.map(({ HostIp = "", HostPort }) => ({
      IP: HostIp,
      PrivatePort: port,
      PublicPort: Number(HostPort),
      Type: type,
    }));
  });
}
