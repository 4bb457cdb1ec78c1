import type { Link } from "../linux/netlink/links.ts";
import type { NetworkFinding } from "./networks.ts";
import { evaluatePacket } from "./policy/evaluate-packet.ts";
import { FORWARD } from "./policy/copy-chains.ts";
import type { HostSurvey } from "./policy/survey-host.ts";
import type { NetworkPlan } from "./types.ts";
import type { TestPacket } from "./policy/test-packet.ts";

/** The host's treatment of packets that are not for itself. */
export interface Forwarding {
  /** net.ipv4.ip_forward */
  readonly isOn: boolean;
  /** br_netfilter: packets within a bridge go through the chains as well (net.bridge.bridge-nf-call-iptables). */
  readonly filtersBridges: boolean;
  /** Interfaces by which the host reaches the world. */
  readonly waysOut: readonly Link[];
}

/** Chains that IPv4 packets to and from containers traverse. */
export function forwardChainsOf({ chains }: Pick<HostSurvey, "chains">): HostSurvey["chains"] {
  return chains.filter(({ chain }) => chain.hook?.number === FORWARD && chain.family !== "ip6");
}

/** The properties of a network that decide about its packets. */
export type ForwardedNetwork = Pick<
  NetworkPlan,
  "name" | "driver" | "ipv4" | "internal" | "interContainer" | "bypassesBridge" | "interfaceName"
>;

/** A chain of others that refuses packets of networks. */
export interface ShutChain {
  /** `ip filter FORWARD` */
  readonly chainName: string;
  /** Packets to other hosts, or of containers to each other. */
  readonly direction: "outwards" | "within";
  readonly networks: readonly ForwardedNetwork[];
}

export interface ForwardingState {
  readonly plans: readonly ForwardedNetwork[];
  /** See forwardChainsOf(). */
  readonly chains: HostSurvey["chains"];
  readonly links: HostSurvey["links"];
  readonly forwarding: Forwarding;
}

/**
 * Where others' chains keep containers from the world and from each other, as Docker's policy of its forward chain
 * does. Pure.
 */
export function findShutChains({
  plans,
  chains,
  links,
  forwarding: { filtersBridges, waysOut },
}: ForwardingState): readonly ShutChain[] {
  const bridges = plans.filter((plan) => plan.driver === "bridge" && plan.ipv4);
  const open = bridges.filter((plan) => !plan.internal);
  const talking = filtersBridges
    ? bridges.filter((plan) => plan.interContainer && plan.bypassesBridge !== true)
    : [];
  return chains.flatMap(({ chain, contents }) => {
    const isShut = (from: Link, to: Link): boolean =>
      !evaluatePacket(chain, contents, packet(from, to)).mayPass;
    const outwards = open.filter((plan) => waysOut.some((out) => isShut(linkOf(plan, links), out)));
    const within = talking.filter((plan) => isShut(linkOf(plan, links), linkOf(plan, links)));
    const chainName = `${chain.family} ${chain.table} ${chain.chain}`;
    return [
      { chainName, direction: "outwards" as const, networks: outwards },
      { chainName, direction: "within" as const, networks: within },
    ].filter(({ networks }) => networks.length > 0);
  });
}

/** In words. Pure. */
export function findForwardingFaults(state: ForwardingState): readonly NetworkFinding[] {
  const { plans, forwarding } = state;
  const open = plans.filter((plan) => plan.driver === "bridge" && plan.ipv4 && !plan.internal);
  return [
    ...(forwarding.isOn || open.length === 0
      ? []
      : [
          {
            subject: "net.ipv4.ip_forward",
            problem: "is off: containers reach no other host",
            advice: "sysctl -w net.ipv4.ip_forward=1",
          },
        ]),
    ...findShutChains(state).map(({ chainName, direction, networks }) => {
      const names = networks.map(({ name }) => name).join(", ");
      const rules = networks.map(
        ({ interfaceName }) => `nft insert rule ${chainName} iifname ${interfaceName} accept`,
      );
      return {
        subject: `firewall chain ${chainName}`,
        problem: `refuses what containers of ${names} send to ${direction === "outwards" ? "other hosts" : "each other"}`,
        advice: `let it pass there: ${rules.join("; ")}`,
      };
    }),
  ];
}

/** The network's interface; before it is made, one of its name. */
function linkOf({ interfaceName: name }: ForwardedNetwork, links: readonly Link[]): Link {
  const planned: Link = {
    index: 0,
    name,
    kind: "bridge",
    alias: "",
    master: 0,
    mtu: 1500,
    parent: 0,
    isUp: true,
    macAddress: "",
    gsoSizes: {},
  };
  return links.find((link) => link.name === name) ?? planned;
}

function packet(from: Link, out: Link): TestPacket {
  return {
    family: 4,
    protocol: 6,
    inInterface: from,
    outInterface: out,
    destinationPort: 443,
    isTranslated: false,
  };
}
