import {
  connection,
  giveVerdict,
  hasConnectionBit,
  isIn,
  isToThisHost,
  loadMeta,
  loadValue,
  lookUp,
  masquerade,
  translate,
} from "../../linux/nftables/expressions.ts";
import type { Expression, FirewallRule, VerdictKind } from "../../linux/nftables/rules.ts";
import { newSet } from "../../linux/nftables/sets.ts";
import type { NewTable } from "../../linux/nftables/tables.ts";
import type { SetElement, TableName } from "../../linux/nftables/nftables.ts";
import { encodeIpAddress, type IpFamily, parseIpAddress } from "../../spec/ip-address.ts";
import {
  addressWords,
  hasAddress,
  isEchoRequest,
  isFamily,
  loadAddress,
  loadProtocolAndPort,
  replaceAddress,
} from "./packet-fields.ts";
import { firewallSets, isShifted, type FirewallSet } from "./sets.ts";

const families: readonly IpFamily[] = [4, 6];
const loopback = {
  4: { address: encodeIpAddress(parseIpAddress("127.0.0.1")), prefix: Uint8Array.of(127) },
  6: { address: encodeIpAddress(parseIpAddress("::1")), prefix: encodeIpAddress(parseIpAddress("::1")) },
} as const;
const NF_NAT_RANGE_PROTO_OFFSET = 0x20;

// SPEC: linux/netfilter.h: enum nf_inet_hooks; linux/netfilter_ipv4.h: enum nf_ip_hook_priorities.
const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const priorities = { raw: -300, dstnat: -100, filter: 0, srcnat: 100 } as const;

const chains: NewTable["chains"] = [
  base("loopback-out", "filter", { hook: "output", priority: priorities.raw - 10 }),
  base("loopback-in", "filter", { hook: "input", priority: priorities.srcnat + 10 }),
  base("prerouting", "nat", { hook: "prerouting", priority: priorities.dstnat }),
  base("output", "nat", { hook: "output", priority: priorities.dstnat }),
  { chain: "published" },
  base("postrouting", "nat", { hook: "postrouting", priority: priorities.srcnat }),
  base("forward", "filter", { hook: "forward", priority: priorities.filter }),
  { chain: "to-container" },
];

function base(
  chain: string,
  type: "filter" | "nat",
  { hook, priority }: { readonly hook: keyof typeof hooks; readonly priority: number },
): NewTable["chains"][number] {
  return { chain, type, hook: { number: hooks[hook], priority } };
}

/**
 * The table with these elements, which replaces what has its name in one transaction; later only elements change. Its
 * chains accept what no rule decides.
 *
 * The loopback: a packet to 127.0.0.1 or ::1 can't leave by a bridge, and no answer to it can come in. So, before its
 * connection is known to the kernel, its source becomes an address of ours, and in the answer, after all translation,
 * it becomes the loopback's again. Nothing has to be opened for it (`route_localnet`), and it works for IPv6.
 *
 * Bridges with br_netfilter show packets from port to port here, too: `siblings` lets them through.
 *
 * `shifted`: families that have rules for shifted ranges of ports, in the order in which these were added. Default:
 * those that need them.
 */
export function buildTable(
  name: TableName,
  elements: readonly SetElement[],
  shifted: Iterable<IpFamily> = families.filter((family) =>
    elements.some((element) => isShifted(element, family)),
  ),
): NewTable {
  return {
    name,
    chains,
    sets: Object.entries(firewallSets).map(([set, type]) =>
      newSet(
        set,
        type,
        elements.filter((element) => element.set === set),
      ),
    ),
    rules: [
      ...loopbackRules(),
      ...publishingRules(),
      ...[...shifted].flatMap(shiftRules),
      ...sourceRules(),
      ...forwardRules(),
      ...containerRules(),
    ],
  };
}

function rule(chain: string, ...expressions: readonly (Expression | readonly Expression[])[]): FirewallRule {
  return { chain, expressions: expressions.flat() };
}

/** Loads a key, then tests whether the set contains it. */
function interfaceIn(which: "iifname" | "oifname", set: FirewallSet): readonly Expression[] {
  return [loadMeta(which), isIn(set)];
}

function interfacesIn(set: FirewallSet): readonly Expression[] {
  return [loadMeta("iifname"), loadMeta("oifname", 4), isIn(set)];
}

function loadDestination(family: IpFamily): readonly Expression[] {
  return [
    ...isFamily(family),
    loadAddress("destination", family),
    ...loadProtocolAndPort(addressWords(family)),
  ];
}

const isTranslated = hasConnectionBit("status", connection.destinationTranslated);

function decide(kind: VerdictKind, chain?: string): Expression {
  return giveVerdict(chain === undefined ? { kind } : { kind, chain });
}

function loopbackRules(): readonly FirewallRule[] {
  const [port4, port6] = [
    [loadAddress("destination", 4), ...loadProtocolAndPort(1)],
    [...hasAddress("destination", { family: 6, bytes: loopback[6].address }), ...loadProtocolAndPort()],
  ] as const;
  return [
    ...([4, 6] as const).map((family) =>
      rule(
        "loopback-out",
        isFamily(family),
        hasAddress("source", { family, bytes: loopback[family].address }),
        family === 4 ? port4 : port6,
        isIn(`loop${family}`),
        loadAddress("source", family),
        lookUp(`standIn${family}`),
        replaceAddress("source", family),
      ),
    ),
    ...families.map((family) =>
      rule(
        "loopback-in",
        isFamily(family),
        hasAddress("source", { family, bytes: loopback[family].prefix }),
        loadAddress("destination", family),
        isIn(`standsIn${family}`),
        loadValue(loopback[family].address),
        replaceAddress("destination", family),
      ),
    ),
  ];
}

function publishingRules(): readonly FirewallRule[] {
  const toPublished = [...isToThisHost(), decide("jump", "published")];
  return [
    rule(
      "prerouting",
      isFamily(4),
      hasAddress("destination", { family: 4, bytes: loopback[4].prefix }),
      decide("return"),
    ),
    rule("prerouting", toPublished),
    rule("output", toPublished),
    ...families.flatMap((family) => {
      const portWord = addressWords(family);
      const withPort = translate("destination", { family, portWord });
      const samePort = translate("destination", { family });
      return [
        rule("published", loadDestination(family), lookUp(`movedAt${family}`), withPort),
        rule("published", loadDestination(family), lookUp(`sameAt${family}`), samePort),
        rule("published", loadProtocolAndPort(), lookUp(`moved${family}`), withPort),
        rule("published", loadProtocolAndPort(), lookUp(`same${family}`), samePort),
      ];
    }),
  ];
}

/**
 * Rules for runs of ports whose numbers are shifted, behind those of the chain `published`, where elements need them:
 * nft has no words for them, and complains of those for IPv6. KERNEL: with NF_NAT_RANGE_PROTO_OFFSET (4.18) and a run
 * of ports, a packet gets the one that has in the run the number of its own port modulo the run's size: which is the
 * shifted one where the first port outside is a multiple of that size.
 */
export function shiftRules(family: IpFamily): readonly FirewallRule[] {
  const words = addressWords(family);
  // The map gives an address and a port, and both again: the last ones. nft 1.1 can't read two addresses of IPv6 back,
  // which are the same.
  const shifted = translate("destination", {
    family,
    portWord: words,
    lastPortWord: 2 * words + 1,
    lastAddressWord: family === 4 ? words + 1 : undefined,
    flags: NF_NAT_RANGE_PROTO_OFFSET,
  });
  return [
    rule("published", loadDestination(family), lookUp(`shiftedAt${family}`), shifted),
    rule("published", loadProtocolAndPort(), lookUp(`shifted${family}`), shifted),
  ];
}

function sourceRules(): readonly FirewallRule[] {
  const chain = "postrouting";
  return [
    ...families.map((family) =>
      rule(
        chain,
        isTranslated,
        isFamily(family),
        loadAddress("source", family),
        loadAddress("destination", family, addressWords(family)),
        isIn(`hairpin${family}`),
        masquerade(),
      ),
    ),
    ...families.map((family) =>
      rule(
        chain,
        isTranslated,
        isFamily(family),
        loadAddress("source", family),
        isIn(`standsIn${family}`),
        masquerade(),
      ),
    ),
    rule(chain, interfaceIn("oifname", "bridges"), decide("return")),
    ...families.map((family) =>
      rule(
        chain,
        isFamily(family),
        loadAddress("source", family),
        lookUp(`source${family}`),
        translate("source", { family }),
      ),
    ),
    ...families.map((family) =>
      rule(chain, isFamily(family), loadAddress("source", family), isIn(`masquerade${family}`), masquerade()),
    ),
  ];
}

function forwardRules(): readonly FirewallRule[] {
  return [
    rule("forward", interfaceIn("oifname", "bridges"), decide("goto", "to-container")),
    rule("forward", interfaceIn("iifname", "internal"), decide("drop")),
  ];
}

function containerRules(): readonly FirewallRule[] {
  const chain = "to-container";
  const isKnown = hasConnectionBit("state", connection.established | connection.related);
  return [
    rule(chain, isKnown, decide("accept")),
    rule(chain, interfacesIn("siblings"), decide("accept")),
    rule(chain, interfacesIn("strangers"), decide("drop")),
    rule(chain, interfaceIn("iifname", "internal"), decide("drop")),
    rule(chain, isTranslated, decide("accept")),
    ...families.map((family) =>
      rule(chain, loadDestination(family), isIn(`routed${family}`), decide("accept")),
    ),
    ...families.map((family) =>
      rule(
        chain,
        isFamily(family),
        loadAddress("destination", family),
        isIn(`pinged${family}`),
        isEchoRequest(family),
        decide("accept"),
      ),
    ),
    rule(chain, interfaceIn("iifname", "bridges"), decide("drop")),
    ...families.map((family) =>
      rule(chain, isFamily(family), interfaceIn("oifname", `open${family}`), decide("accept")),
    ),
    rule(chain, decide("drop")),
  ];
}
