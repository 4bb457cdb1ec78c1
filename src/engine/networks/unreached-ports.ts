import type { NetworkPlan } from "../../network/types.ts";
import { type IpFamily, parseIpAddress } from "../../spec/ip-address.ts";
import type { ContainerContext } from "../context.ts";
import type { PortSpec } from "../../model/networks.ts";
import type { EndpointRecord } from "../state/records.ts";
import { gatewayOf } from "./resolve-endpoints.ts";

/**
 * Returns a sentence for each port on an address whose family none of the container's networks has, though they have
 * the other family. Only ports at IPv6 addresses can be relayed, to IPv4; the others are unreachable.
 */
export function describeUnreached(
  ports: readonly PortSpec[],
  networks: readonly NetworkPlan[],
  { relaysIpv6 = false }: { readonly relaysIpv6?: boolean | undefined } = {},
): readonly string[] {
  const leads = (family: IpFamily): boolean =>
    networks.some(
      (network) =>
        network.driver === "bridge" && !network.internal && gatewayOf(network, family) !== undefined,
    );
  return ports.flatMap((port) => {
    if (port.hostAddress === undefined) return [];
    const { family } = parseIpAddress(port.hostAddress);
    const other = family === 4 ? 6 : 4;
    if (leads(family) || !leads(other)) return [];
    if (family === 6 && relaysIpv6 && port.protocol !== "sctp") return [];
    return [
      `port ${formatPort(port)} leads nowhere: the container's networks have no IPv${family}, and nothing is translated to IPv${other}`,
    ];
  });
}

/** For a container that is in these networks, as they are now. */
export function findUnreached(
  { networks }: Pick<ContainerContext, "networks">,
  {
    ports,
    endpoints,
  }: { readonly ports: readonly PortSpec[]; readonly endpoints: readonly EndpointRecord[] },
): readonly string[] {
  return describeUnreached(
    ports,
    endpoints.flatMap(({ networkId }) => networks.find(networkId)?.plan ?? []),
    { relaysIpv6: ports.length > 0 && networks.relaysIpv6 },
  );
}

/** `[::1]:8080/tcp`; a free port of the host that is not allocated yet is shown as the container's port. */
function formatPort({
  protocol = "tcp",
  hostAddress = "",
  hostPort,
  containerPort,
  count = 1,
}: PortSpec): string {
  const range = (first: number): string => (count === 1 ? `${first}` : `${first}-${first + count - 1}`);
  const address = hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress;
  return hostPort === undefined
    ? `${range(containerPort)}/${protocol} at ${address}`
    : `${address}:${range(hostPort)}/${protocol}`;
}
