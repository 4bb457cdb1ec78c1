import { parseContainerId } from "../model/ids.ts";
import { parsePortRange } from "../spec/port-range.ts";
import { parseSettings } from "../api/network/endpoint-settings.ts";
import type { Port } from "../api/types/container.ts";
import type { EndpointSettings, Network, NetworkSettings } from "../api/types/network.ts";
import type { ReachRow } from "../api/types/tare.ts";
import type { BoundPorts, EndpointDetails, NetworkDetails, PublishedReach } from "../model/networks.ts";

/** The reply of `network inspect`, in the engine's words. */
export function networkDetailsOf(reply: Network): NetworkDetails {
  return {
    id: reply.Id,
    name: reply.Name,
    createdAt: Date.parse(reply.Created),
    driver: reply.Driver,
    ipv4: reply.EnableIPv4 ?? true,
    ipv6: reply.EnableIPv6,
    internal: reply.Internal,
    attachable: reply.Attachable,
    configOnly: reply.ConfigOnly,
    configFrom: reply.ConfigFrom.Network,
    ipam: {
      driver: reply.IPAM.Driver,
      options: reply.IPAM.Options ?? {},
      subnets: (reply.IPAM.Config ?? []).map(({ Subnet, IPRange, Gateway, AuxiliaryAddresses }) => ({
        subnet: Subnet,
        range: IPRange,
        gateway: Gateway,
        auxiliary: AuxiliaryAddresses ?? undefined,
      })),
    },
    options: reply.Options,
    labels: reply.Labels,
    containers: Object.fromEntries(
      Object.entries(reply.Containers).map(([id, end]) => [
        id,
        {
          name: end.Name,
          endpointId: end.EndpointID,
          macAddress: end.MacAddress,
          ipv4: end.IPv4Address,
          ipv6: end.IPv6Address,
        },
      ]),
    ),
  };
}

/** A container's networks; what names a mode is none. */
export function endpointsOf(
  networks: Readonly<Record<string, EndpointSettings>>,
): readonly EndpointDetails[] {
  return Object.entries(networks)
    .filter(([name]) => name !== "host" && name !== "none")
    .map(([networkName, end]) => ({
      networkId: end.NetworkID ?? "",
      networkName,
      settings: parseSettings({ ...end, MacAddress: "" }),
      names: end.DNSNames ?? [],
      ...joinedOf(end),
    }));
}

/** The API does not report the interface's name. */
function joinedOf(end: EndpointSettings): Pick<EndpointDetails, "joined"> {
  const { EndpointID: endpointId = "", MacAddress: macAddress = "" } = end;
  if (endpointId === "") return {};
  const family = (address: string, bits: number, gateway: string) =>
    address === "" ? undefined : { address, bits, gateway: gateway || undefined };
  const ipv4 = family(end.IPAddress ?? "", end.IPPrefixLen ?? 0, end.Gateway ?? "");
  const ipv6 = family(end.GlobalIPv6Address ?? "", end.GlobalIPv6PrefixLen ?? 0, end.IPv6Gateway ?? "");
  return {
    joined: {
      endpointId,
      macAddress,
      interfaceName: "",
      ipv4,
      ipv6,
    },
  };
}

/** `Ports` of inspect: published ports, with adjacent ones joined, and all exposed ports. */
export function portsOfSettings({ Ports }: Pick<NetworkSettings, "Ports">): {
  readonly ports: readonly BoundPorts[];
  readonly exposedPorts: readonly string[];
} {
  const ports = Object.entries(Ports).flatMap(([key, bindings]) => {
    const range = parsePortRange(key);
    if (range === undefined) return [];
    return (bindings ?? []).map(({ HostIp = "", HostPort = "0" }) => ({
      IP: HostIp,
      PrivatePort: range.first,
      PublicPort: Number(HostPort),
      Type: range.protocol,
    }));
  });
  return { ports: boundPortsOf(ports), exposedPorts: Object.keys(Ports) };
}

/** Those that are published. */
function boundPortsOf(ports: readonly Port[]): readonly BoundPorts[] {
  const runs: BoundPorts[] = [];
  const sorted = ports
    .flatMap((port) => (port.PublicPort === undefined ? [] : [{ ...port, PublicPort: port.PublicPort }]))
    .sort((one, other) => one.PrivatePort - other.PrivatePort);
  for (const {
    IP: hostAddress = "",
    PrivatePort: containerPort,
    PublicPort: hostPort,
    Type: protocol,
  } of sorted) {
    const at = runs.findIndex(
      (run) =>
        run.protocol === protocol &&
        run.hostAddress === hostAddress &&
        run.containerPort + run.count === containerPort &&
        run.hostPort + run.count === hostPort,
    );
    const run = runs[at];
    if (run === undefined) runs.push({ protocol, containerPort, count: 1, hostAddress, hostPort });
    else runs[at] = { ...run, count: run.count + 1 };
  }
  return runs;
}

/** A row of the daemon's information on published ports, in the engine's words. */
export function publishedReachOf(row: ReachRow): PublishedReach {
  return {
    containerId: parseContainerId(row.Container),
    network: row.Network,
    protocol: row.Type,
    hostAddress: row.HostIp || undefined,
    hostPort: row.HostPort,
    containerPort: row.ContainerPort,
    count: row.Count,
    interfaces: row.Interfaces,
    blockedBy: row.BlockedBy,
    conflicts: row.Conflicts,
    summary: row.Summary,
    text: row.Text,
  };
}
