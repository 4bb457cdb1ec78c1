import {
  parseData,
  type Expression,
  type FirewallChain,
  type FirewallRule,
  type FirewallSetCopy,
  type Verdict,
} from "../../linux/nftables/rules.ts";
import { giveVerdict } from "../../linux/nftables/expressions.ts";

/** The hook through which packets for the host itself come. */
export const LOCAL_IN = 1;
export const FORWARD = 2;

/** Steps that decide nothing, and would count, log or mark twice. */
const sideEffects: ReadonlySet<string> = new Set(["counter", "log", "last", "notrack"]);
/** Of iptables: the same. */
const sideTargets: ReadonlySet<string> = new Set(["LOG", "NFLOG", "ULOG", "AUDIT", "TRACE"]);
/** Steps whose meaning is the same before translation as where the host's packets come in. */
const copied: ReadonlySet<string> = new Set([
  "meta",
  "payload",
  "cmp",
  "bitwise",
  "byteorder",
  "range",
  "lookup",
  "immediate",
  "ct",
  "fib",
  "limit",
  "quota",
  "connlimit",
  "exthdr",
  "hash",
  "numgen",
  "osf",
  "socket",
  "match",
  "dynset",
  "reject",
  "xfrm",
]);
/** Attributes by which a step of this name writes to the packet or its mark instead of reading. */
const writers: Readonly<Record<string, number>> = { meta: 3, ct: 4, payload: 5, exthdr: 7 };
/** Protocols that matches of iptables require. */
const matchProtocols: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  sctp: 132,
  icmp: 1,
  icmp6: 58,
  dccp: 33,
};

export interface CopiedChains {
  readonly rules: readonly FirewallRule[];
  readonly chains: readonly string[];
  readonly sets: readonly FirewallSetCopy[];
  /** Rules that could not be copied: what they might refuse is refused. */
  readonly closed: readonly string[];
}

/**
 * The part of a table that a base chain leads through, so that it can stand in another table. What can't be copied errs
 * on the side of the firewall: a rule that accepts is left out, any other refuses all that comes to it.
 */
export function copyChains(
  base: FirewallChain,
  {
    rules,
    sets,
    refused,
  }: {
    readonly rules: readonly FirewallRule[];
    readonly sets: readonly FirewallSetCopy[];
    readonly refused: ReadonlySet<number>;
  },
): CopiedChains {
  const setOf = new Map(sets.map((set) => [set.name, set]));
  const chains = new Set([base.chain]);
  const usedSets = new Set<FirewallSetCopy>();
  const out: FirewallRule[] = [];
  const closed: string[] = [];
  // A set of chains that grows while it is gone through.
  for (const chain of chains) {
    for (const rule of rules.filter((each) => each.chain === chain)) {
      const copy = copyRule(rule, refused);
      if (copy === undefined) continue;
      if (copy.isClosed) closed.push(`rule ${rule.handle ?? 0} of ${base.family} ${base.table} ${chain}`);
      out.push(copy.rule);
      for (const { verdict, set } of referencesOf(copy.rule)) {
        if (verdict?.chain !== undefined) chains.add(verdict.chain);
        const used = set === undefined ? undefined : setOf.get(set);
        if (used === undefined) continue;
        usedSets.add(used);
        for (const member of used.elements)
          if (member.verdict?.chain !== undefined) chains.add(member.verdict.chain);
      }
    }
  }
  return { rules: out, chains: [...chains], sets: [...usedSets], closed };
}

function referencesOf(
  rule: FirewallRule,
): readonly { readonly verdict?: Verdict | undefined; readonly set?: string | undefined }[] {
  return rule.expressions.flatMap(
    (step): readonly { readonly verdict?: Verdict | undefined; readonly set?: string | undefined }[] => {
      if (step.name === "immediate") {
        const { verdict } = parseData(step.attributes.get(2));
        return verdict === undefined ? [] : [{ verdict }];
      }
      const set = step.name === "lookup" || step.name === "dynset" ? step.attributes.get(1) : undefined;
      return set === undefined ? [] : [{ set: set.toString("utf8").replace(/\0.*$/s, "") }];
    },
  );
}

function copyRule(
  rule: FirewallRule,
  refused: ReadonlySet<number>,
): { readonly rule: FirewallRule; readonly isClosed: boolean } | undefined {
  const kept: Expression[] = [];
  let isUnknown = refused.has(rule.handle ?? -1);
  let protocol: number | undefined;
  for (const step of rule.expressions) {
    const target = step.name === "target" ? nameOf(step) : undefined;
    if (sideEffects.has(step.name) || (target !== undefined && sideTargets.has(target))) continue;
    const writer = writers[step.name];
    if (writer !== undefined && step.attributes.has(writer)) continue;
    if (step.name === "queue" || target === "REJECT" || target === "NFQUEUE")
      kept.push(giveVerdict({ kind: "drop" }));
    else if (target !== undefined || !copied.has(step.name)) isUnknown = true;
    else kept.push(step);
    if (step.name === "match")
      protocol = matchProtocols[nameOf(step)] ?? protocol ?? comparedProtocol(rule.expressions);
  }
  if (!isUnknown) {
    return {
      rule: { ...rule, expressions: kept, compatProtocol: protocol ?? rule.compatProtocol },
      isClosed: false,
    };
  }
  const decides = kept.map(
    (step) => parseData(step.name === "immediate" ? step.attributes.get(2) : undefined).verdict,
  );
  const last = decides.find((verdict) => verdict !== undefined);
  // Without a verdict, or one that lets pass, it refuses nothing.
  if (last === undefined || last.kind === "accept" || last.kind === "continue") return undefined;
  return { rule: { chain: rule.chain, expressions: [giveVerdict({ kind: "drop" })] }, isClosed: true };
}

function nameOf(step: Expression): string {
  return step.attributes.get(1)?.toString("utf8").replace(/\0.*$/s, "") ?? "";
}

/** `meta l4proto tcp`, or the protocol in the header of IPv4 or IPv6, before an extension of iptables. */
function comparedProtocol(list: readonly Expression[]): number | undefined {
  for (const [at, step] of list.entries()) {
    const isProtocol =
      (step.name === "meta" && step.attributes.get(2)?.readUInt32BE(0) === 16) ||
      (step.name === "payload" &&
        step.attributes.get(2)?.readUInt32BE(0) === 1 &&
        [9, 6].includes(step.attributes.get(3)?.readUInt32BE(0) ?? 0) &&
        step.attributes.get(4)?.readUInt32BE(0) === 1);
    const next = list[at + 1];
    if (isProtocol && next?.name === "cmp") return parseData(next.attributes.get(3)).value?.[0];
  }
  return undefined;
}
