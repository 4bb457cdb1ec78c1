import { required } from "../../base/required.ts";
import { listAddresses } from "../../linux/netlink/addresses.ts";
import { listLinks, type Link } from "../../linux/netlink/links.ts";
import type { NetlinkSocket } from "../../linux/netlink/netlink-socket.ts";
import { listChains, listRules, listSets, type FirewallChain } from "../../linux/nftables/rules.ts";
import { encodeIpAddress, formatIpAddress, type IpAddress, type IpFamily } from "../../spec/ip-address.ts";
import { protocolNumbers } from "../firewall/keys.ts";
import type { PublishPolicy } from "../../spec/publish-policy.ts";
import type { EndpointPlan, NetworkPlan, PublishedPorts } from "../types.ts";
import type { InterfaceReach } from "./describe-reach.ts";
import { evaluatePacket, type TableContents } from "./evaluate-packet.ts";
import { FORWARD, LOCAL_IN } from "./copy-chains.ts";
import type { TestPacket } from "./test-packet.ts";

const ownTables = /^tare-[0-9a-f]{8}/;

interface EvaluatedChain {
  readonly chain: FirewallChain;
  readonly contents: TableContents;
}

/**
 * The chains of others, read once for any number of ports, and the host's interfaces, read when they are first asked
 * for.
 */
export interface HostSurvey {
  readonly links: readonly Link[];
  readonly addresses: ReadonlyMap<number, readonly IpAddress[]>;
  readonly chains: readonly EvaluatedChain[];
}

export function surveyHost(sockets: {
  readonly route: NetlinkSocket;
  readonly netfilter: NetlinkSocket;
}): HostSurvey {
  const chains = listChains(sockets.netfilter).filter(
    ({ hook, type, table }) =>
      type === "filter" && !ownTables.test(table) && (hook?.number === LOCAL_IN || hook?.number === FORWARD),
  );
  const contents = new Map<string, TableContents>();
  for (const chain of chains) {
    const key = `${chain.family} ${chain.table}`;
    if (!contents.has(key)) {
      contents.set(key, {
        rules: listRules(sockets.netfilter, chain),
        sets: listSets(sockets.netfilter, chain),
      });
    }
  }
  let links: readonly Link[] | undefined;
  let addresses: HostSurvey["addresses"] | undefined;
  return {
    get links() {
      return (links ??= listLinks(sockets.route));
    },
    get addresses() {
      return (addresses ??= readAddresses(sockets.route));
    },
    chains: chains.map((chain) => ({
      chain,
      contents: required(contents.get(`${chain.family} ${chain.table}`)),
    })),
  };
}

function readAddresses(route: NetlinkSocket): HostSurvey["addresses"] {
  const addresses = new Map<number, IpAddress[]>();
  for (const { index, address } of listAddresses(route))
    addresses.set(index, [...(addresses.get(index) ?? []), address]);
  return addresses;
}

export interface ReachQuestion {
  readonly ports: PublishedPorts;
  readonly plan: NetworkPlan;
  readonly endpoint: EndpointPlan | undefined;
  readonly policy: PublishPolicy;
  /** Interfaces of ours, behind which there are only containers. */
  readonly own: ReadonlySet<string>;
}

/** The verdict of the chains on each interface from which other hosts may connect. Pure. */
export function evaluateReach(survey: HostSurvey, question: ReachQuestion): readonly InterfaceReach[] {
  const { ports, own } = question;
  return survey.links
    .filter(({ name, isUp, master }) => name !== "lo" && isUp && master === 0 && !own.has(name))
    .flatMap((link) => {
      const targets = (survey.addresses.get(link.index) ?? []).filter((address) => meets(ports, address));
      if (targets.length === 0) return [];
      const evaluated = targets.map((address) => evaluateAddress(survey, question, { link, address }));
      // A client that can choose between addresses is excluded only when all are closed.
      const open = evaluated.filter(({ refusedBy }) => refusedBy.length === 0);
      const from = open.length === 0 ? evaluated : open;
      return [
        {
          name: link.name,
          refusedBy: open.length === 0 ? unique(from.flatMap(({ refusedBy }) => refusedBy)) : [],
          doubtedBy: unique(from.flatMap(({ doubtedBy }) => doubtedBy)),
        },
      ];
    });
}

function unique(list: readonly string[]): readonly string[] {
  return [...new Set(list)];
}

function meets({ hostAddress }: PublishedPorts, address: IpAddress): boolean {
  if (address.family === 6 && address.value >> 118n === 0x3fan) return false;
  if (hostAddress === undefined) return true;
  if (hostAddress.family !== address.family) return false;
  return hostAddress.value === 0n || formatIpAddress(hostAddress) === formatIpAddress(address);
}

function evaluateAddress(
  { chains, links }: HostSurvey,
  { ports, plan, endpoint, policy }: ReachQuestion,
  { link, address }: { readonly link: Link; readonly address: IpAddress },
): { readonly refusedBy: readonly string[]; readonly doubtedBy: readonly string[] } {
  const { family } = address;
  const container = endpoint?.addresses.find((each) => each.address.family === family)?.address;
  // A relayed connection ends at the host, and its rules apply to it, whatever the policy.
  const isRelayed = endpoint?.relaysIpv6 === true && family === 6 && ports.protocol !== "sctp";
  if (endpoint !== undefined && container === undefined && !isRelayed) {
    return { refusedBy: [`the network, which has no IPv${family}`], doubtedBy: [] };
  }
  const bridge = links.find(({ name }) => name === plan.interfaceName);
  const common = { family, protocol: protocolNumbers[ports.protocol], inInterface: link };
  const input: TestPacket = {
    ...common,
    destination: encodeIpAddress(address),
    destinationPort: ports.hostPort,
    isTranslated: false,
  };
  const forward: TestPacket = {
    ...common,
    outInterface: bridge,
    destination: container && encodeIpAddress(container),
    destinationPort: ports.containerPort,
    isTranslated: true,
  };
  const refusedBy: string[] = [];
  const doubtedBy: string[] = [];
  for (const { chain, contents } of chains) {
    const isInput = chain.hook?.number === LOCAL_IN;
    if (!isFor(chain, family) || (isRelayed ? !isInput : isInput && policy === "docker")) continue;
    const { mayPass, mayBeRefused } = evaluatePacket(chain, contents, isInput ? input : forward);
    const name = `${chain.family} ${chain.table} ${chain.chain}`;
    if (!mayPass) refusedBy.push(name);
    else if (mayBeRefused) doubtedBy.push(name);
  }
  return { refusedBy, doubtedBy };
}

function isFor(chain: FirewallChain, family: IpFamily): boolean {
  return chain.family === "inet" || chain.family === (family === 4 ? "ip" : "ip6");
}
