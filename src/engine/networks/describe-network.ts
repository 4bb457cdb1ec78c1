import { formatIpAddress, formatIpPrefix, type IpFamily } from "../../spec/ip-address.ts";
import type { ContainerContext } from "../context.ts";
import type { BoundPorts, EndpointDetails, NetworkDetails, SubnetSpec } from "../../model/networks.ts";
import type { ContainerRecord, EndpointRecord, NetworkRecord } from "../state/records.ts";
import { defaultNetwork } from "./fixed-networks.ts";
import { namesIn } from "./names.ts";
import { addressText, gatewayFor } from "./resolve-endpoints.ts";

/** The details for `network inspect`. */
export function describeNetwork(context: ContainerContext, record: NetworkRecord): NetworkDetails {
  const { plan, ...rest } = record;
  const isIpv6 = ({ subnet = "" }: SubnetSpec): boolean => subnet.includes(":");
  // What was asked for and is not used is listed, too.
  const unused = record.ipv6 || plan === undefined ? [] : record.ipam.subnets.filter(isIpv6);
  return {
    ...rest,
    ipam: {
      ...record.ipam,
      subnets: [...(plan?.subnets.map(describeSubnet) ?? record.ipam.subnets), ...unused],
    },
    containers: Object.fromEntries(
      context.networks.leases.inNetwork(record.id).flatMap(({ containerId, plan: endpoint }) => {
        const container = context.state.findContainer(containerId);
        const isIn = container?.endpoints?.some(({ plan: own }) => own?.id === endpoint.id) ?? false;
        if (container === undefined || container.spec.cri !== undefined || !isIn) return [];
        const described = {
          name: container.name,
          endpointId: endpoint.id,
          macAddress: endpoint.macAddress,
          ipv4: addressText(endpoint, 4),
          ipv6: addressText(endpoint, 6),
        };
        return [[containerId, described] as const];
      }),
    ),
  };
}

function describeSubnet({
  subnet,
  range,
  gateway,
  auxiliary,
}: NonNullable<NetworkRecord["plan"]>["subnets"][number]): SubnetSpec {
  const names = Object.entries(auxiliary);
  return {
    subnet: formatIpPrefix(subnet),
    range: range && formatIpPrefix(range),
    gateway: gateway && formatIpAddress(gateway),
    auxiliary:
      names.length === 0
        ? undefined
        : Object.fromEntries(names.map(([name, address]) => [name, formatIpAddress(address)])),
  };
}

/** The networks of a container as `inspect` reports them. */
export function describeEndpoints(
  context: ContainerContext,
  record: ContainerRecord,
): readonly EndpointDetails[] {
  return (record.endpoints ?? []).map((endpoint) => {
    const { networkId, networkName, settings } = endpoint;
    const joined = describeJoined(context, endpoint);
    return {
      networkId,
      networkName,
      // Those of the default bridge are the container's own.
      settings: networkName === defaultNetwork ? { ...settings, links: undefined } : settings,
      names: namesIn(record, endpoint),
      joined,
    };
  });
}

function describeJoined(
  context: ContainerContext,
  { plan }: EndpointRecord,
): EndpointDetails["joined"] | undefined {
  if (plan === undefined) return undefined;
  const network = context.networks.find(plan.networkId)?.plan;
  const family = (
    which: IpFamily,
  ):
    | { readonly address: string; readonly bits: number; readonly gateway?: string | undefined }
    | undefined => {
    const found = plan.addresses.find(({ address }) => address.family === which);
    if (found === undefined) return undefined;
    const way = network && gatewayFor(plan, { network, family: which });
    const gateway = way === undefined || way.value === 0n ? undefined : way;
    return {
      address: formatIpAddress(found.address),
      bits: found.bits,
      gateway: gateway && formatIpAddress(gateway),
    };
  };
  const [ipv4, ipv6] = [family(4), family(6)];
  return {
    endpointId: plan.id,
    macAddress: plan.macAddress,
    interfaceName: plan.interfaceName,
    ipv4,
    ipv6,
  };
}

/** The ports that it publishes at the moment, those on all addresses once a family that they are reached by. */
export function boundPortsOf(record: ContainerRecord): readonly BoundPorts[] {
  return (record.endpoints ?? []).flatMap(({ plan }) =>
    (plan?.ports ?? []).flatMap(({ hostAddress, ...ports }): readonly BoundPorts[] => {
      if (hostAddress !== undefined) return [{ ...ports, hostAddress: formatIpAddress(hostAddress) }];
      const families = new Set(plan?.addresses.map(({ address }) => address.family));
      return [
        ...(families.has(4) ? [{ ...ports, hostAddress: "0.0.0.0" }] : []),
        ...(families.has(6) || (plan?.relaysIpv6 === true && ports.protocol !== "sctp")
          ? [{ ...ports, hostAddress: "::" }]
          : []),
      ];
    }),
  );
}
