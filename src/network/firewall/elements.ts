import { required } from "../../base/required.ts";
import type { SetElement } from "../../linux/nftables/nftables.ts";
import {
  firstOf,
  lastOf,
  parseIpAddress,
  widthOf,
  type IpAddress,
  type IpFamily,
  type IpPrefix,
} from "../../spec/ip-address.ts";
import type { EndpointPlan, GatewayMode, NetworkPlan, PublishedPorts } from "../types.ts";
import { addressKey, interfaceKey, joinKeys, portKey, protocolKey } from "./keys.ts";
import type { FirewallSet } from "./sets.ts";

const families: readonly IpFamily[] = [4, 6];
const loopback4 = { first: parseIpAddress("127.0.0.0"), last: parseIpAddress("127.255.255.255") };
const loopback6 = parseIpAddress("::1");

function element(set: FirewallSet, key: Uint8Array, more: Omit<SetElement, "set" | "key"> = {}): SetElement {
  return { set, key, ...more };
}

/** The firewall's elements for a bridge network itself. */
export function networkElements(plan: NetworkPlan): readonly SetElement[] {
  if (plan.driver !== "bridge") return [];
  const name = interfaceKey(plan.interfaceName);
  const both = joinKeys(name, name);
  return [
    element("bridges", name),
    element(plan.interContainer ? "siblings" : "strangers", both),
    ...(plan.internal ? [element("internal", name)] : []),
    ...families.flatMap((family) =>
      !plan.internal && modeOf(plan, family) === "nat-unprotected" ? [element(`open${family}`, name)] : [],
    ),
    ...plan.subnets.flatMap((subnet) => subnetElements(plan, subnet.subnet)),
  ];
}

function modeOf(plan: NetworkPlan, family: IpFamily): GatewayMode {
  return family === 4 ? plan.gatewayMode4 : plan.gatewayMode6;
}

function subnetElements(plan: NetworkPlan, subnet: IpPrefix): readonly SetElement[] {
  const { family } = subnet.address;
  const key = addressKey(firstOf(subnet));
  const last = addressKey(lastOf(subnet));
  const hairpin = element(`hairpin${family}`, joinKeys(key, key), { keyEnd: joinKeys(last, last) });
  const mode = modeOf(plan, family);
  if (plan.internal || mode === "routed" || mode === "isolated" || !plan.masquerade) return [hairpin];
  const source = family === 4 ? plan.hostAddress4 : plan.hostAddress6;
  const set = source === undefined ? (`masquerade${family}` as const) : (`source${family}` as const);
  return [
    hairpin,
    element(set, key, source === undefined ? {} : { data: addressKey(source) }),
    ...endOf(set, subnet),
  ];
}

/** The element that ends an interval of a set with one field; none where the numbers end. */
function endOf(set: FirewallSet, subnet: IpPrefix): readonly SetElement[] {
  const value = lastOf(subnet).value + 1n;
  if (value >= 1n << BigInt(widthOf(subnet.address.family))) return [];
  return [element(set, addressKey({ family: subnet.address.family, value }), { isEnd: true })];
}

/**
 * The firewall's elements for an endpoint: its published ports. A run that keeps its numbers is one element in each
 * set.
 */
export function endpointElements(plan: NetworkPlan, endpoint: EndpointPlan): readonly SetElement[] {
  if (plan.driver !== "bridge" || plan.internal) return [];
  return families.flatMap((family) => {
    const address = endpoint.addresses.find((each) => each.address.family === family)?.address;
    const mode = modeOf(plan, family);
    if (address === undefined || mode === "isolated") return [];
    if (mode === "routed") {
      return [
        element(`pinged${family}`, addressKey(address)),
        ...endpoint.ports.map((ports) => routedElement(ports, address)),
      ];
    }
    return bindings(plan, endpoint.ports, family).flatMap((ports) => natElements(ports, address));
  });
}

function bindings(
  plan: NetworkPlan,
  ports: readonly PublishedPorts[],
  family: IpFamily,
): readonly PublishedPorts[] {
  return ports
    .flatMap((each) => {
      if (each.hostAddress !== undefined) return [each];
      const defaults = plan.defaultBindings;
      return defaults.length === 0 ? [each] : defaults.map((hostAddress) => ({ ...each, hostAddress }));
    })
    .filter(({ hostAddress }) => hostAddress === undefined || hostAddress.family === family);
}

function routedElement(ports: PublishedPorts, address: IpAddress): SetElement {
  const head = joinKeys(addressKey(address), protocolKey(ports.protocol));
  return element(`routed${address.family}`, joinKeys(head, portKey(ports.containerPort)), {
    keyEnd: joinKeys(head, portKey(ports.containerPort + ports.count - 1)),
  });
}

function isUnspecified(address: IpAddress | undefined): boolean {
  return address === undefined || address.value === 0n;
}

function natElements(ports: PublishedPorts, address: IpAddress): readonly SetElement[] {
  const { family } = address;
  const anywhere = isUnspecified(ports.hostAddress);
  const head = anywhere
    ? protocolKey(ports.protocol)
    : joinKeys(addressKey(required(ports.hostAddress)), protocolKey(ports.protocol));
  const key = joinKeys(head, portKey(ports.hostPort));
  const keyEnd = joinKeys(head, portKey(ports.hostPort + ports.count - 1));
  const where = anywhere ? "" : "At";
  const translated =
    ports.hostPort === ports.containerPort
      ? [element(`same${where}${family}`, key, { keyEnd, data: addressKey(address) })]
      : shiftedPieces(ports).map(({ hostPort, containerPort, count }) =>
          count === 1
            ? element(`moved${where}${family}`, joinKeys(head, portKey(hostPort)), {
                data: joinKeys(addressKey(address), portKey(containerPort)),
              })
            : element(`shifted${where}${family}`, joinKeys(head, portKey(hostPort)), {
                keyEnd: joinKeys(head, portKey(hostPort + count - 1)),
                data: joinKeys(
                  addressKey(address),
                  portKey(containerPort),
                  addressKey(address),
                  portKey(containerPort + count - 1),
                ),
              }),
        );
  return [...translated, ...loopElements(ports, family)];
}

type Shift = Pick<PublishedPorts, "hostPort" | "containerPort" | "count">;

/**
 * Runs that together are this one, each of which begins at a multiple of its size: what the kernel can shift by one
 * element. See shiftRules().
 */
export function shiftedPieces({ hostPort, containerPort, count }: Shift): readonly Shift[] {
  const pieces: Shift[] = [];
  for (let done = 0; done < count; ) {
    const first = hostPort + done;
    let size = count - done;
    while (first % size !== 0) size -= 1;
    pieces.push({ hostPort: first, containerPort: containerPort + done, count: size });
    done += size;
  }
  return pieces;
}

/** Ports that are reached from the loopback: those of all addresses, and of its own. */
function loopElements(ports: PublishedPorts, family: IpFamily): readonly SetElement[] {
  const { hostAddress, protocol, hostPort, count } = ports;
  const first = joinKeys(protocolKey(protocol), portKey(hostPort));
  const last = joinKeys(protocolKey(protocol), portKey(hostPort + count - 1));
  const anywhere = isUnspecified(hostAddress);
  if (family === 6) {
    const mine = anywhere || required(hostAddress).value === loopback6.value;
    return mine ? [element("loop6", first, { keyEnd: last })] : [];
  }
  const from = anywhere ? loopback4.first : required(hostAddress);
  const to = anywhere ? loopback4.last : required(hostAddress);
  if (from.value < loopback4.first.value || to.value > loopback4.last.value) return [];
  return [element("loop4", joinKeys(addressKey(from), first), { keyEnd: joinKeys(addressKey(to), last) })];
}

/** The addresses of the host that stand for the loopback: the first gateway of each family, of whichever network. */
export function standInElements(plans: readonly NetworkPlan[]): readonly SetElement[] {
  return families.flatMap((family) => {
    const gateway = plans
      .filter((plan) => plan.driver === "bridge" && modeOf(plan, family) !== "isolated")
      .flatMap((plan) => plan.subnets)
      .find((subnet) => subnet.gateway !== undefined && subnet.subnet.address.family === family)?.gateway;
    if (gateway === undefined) return [];
    const loopback = family === 4 ? parseIpAddress("127.0.0.1") : loopback6;
    return [
      element(`standIn${family}`, addressKey(loopback), { data: addressKey(gateway) }),
      element(`standsIn${family}`, addressKey(gateway)),
    ];
  });
}
