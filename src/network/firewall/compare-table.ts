import { required } from "../../base/required.ts";
import {
  type Expression,
  type FirewallChain,
  type FirewallRule,
  type FirewallSetCopy,
  parseData,
} from "../../linux/nftables/rules.ts";
import { isSameSetKind } from "../../linux/nftables/sets.ts";
import type { NewTable } from "../../linux/nftables/tables.ts";
import { elementText } from "../../linux/nftables/nftables.ts";

/** A table as the kernel lists it. */
export interface FoundTable {
  readonly chains: readonly FirewallChain[];
  readonly sets: readonly FirewallSetCopy[];
  readonly rules: readonly FirewallRule[];
}

/** How the kernel's table differs from the wanted one: clauses whose subject is the table. */
export function compareTable(wanted: NewTable, found: FoundTable): readonly string[] {
  return [...compareChains(wanted, found), ...compareRules(wanted, found), ...compareSets(wanted, found)];
}

function compareChains({ chains }: NewTable, found: FoundTable): readonly string[] {
  const known = new Map(found.chains.map((each) => [each.chain, each]));
  const names = new Set(chains.map(({ chain }) => chain));
  return [
    ...chains.flatMap(({ chain, hook, type }) => {
      const each = known.get(chain);
      if (each === undefined) return [`its chain ${chain} is gone`];
      if (each.hook?.number !== hook?.number || each.hook?.priority !== hook?.priority)
        return [`its chain ${chain} is at another hook`];
      if (hook !== undefined && (each.type !== (type ?? "filter") || each.policy !== "accept"))
        return [`its chain ${chain} has another type or policy`];
      return [];
    }),
    ...found.chains
      .filter(({ chain }) => !names.has(chain))
      .map(({ chain }) => `it has an unexpected chain ${chain}`),
  ];
}

function compareRules({ chains, rules }: NewTable, found: FoundTable): readonly string[] {
  return chains.flatMap(({ chain }) => {
    const mine = rules.filter((rule) => rule.chain === chain);
    const theirs = found.rules.filter((rule) => rule.chain === chain);
    if (mine.length !== theirs.length)
      return [`its chain ${chain} has ${theirs.length} rules in place of ${mine.length}`];
    const at = mine.findIndex((rule, index) => !isSameRule(rule, required(theirs[index])));
    return at < 0 ? [] : [`rule ${at + 1} of its chain ${chain} was changed`];
  });
}

function isSameRule(wanted: FirewallRule, found: FirewallRule): boolean {
  return (
    wanted.expressions.length === found.expressions.length &&
    wanted.expressions.every((each, at) => isSameExpression(each, required(found.expressions[at])))
  );
}

/** KERNEL: it lists attributes that were not sent, too: those have their default, which is zero. */
function isSameExpression(wanted: Expression, found: Expression): boolean {
  const isDefault = (value: Buffer): boolean => value.every((byte) => byte === 0);
  return (
    wanted.name === found.name &&
    [...wanted.attributes].every(([type, value]) => isSameValue(value, found.attributes.get(type))) &&
    [...found.attributes].every(([type, value]) => wanted.attributes.has(type) || isDefault(value))
  );
}

/** KERNEL: it lists a verdict without the mark of nested attributes. */
function isSameValue(wanted: Buffer, found: Buffer | undefined): boolean {
  if (found === undefined || wanted.equals(found)) return found !== undefined;
  const [mine, theirs] = [wanted, found].map((value) => parseData(value).verdict);
  return mine !== undefined && mine.kind === theirs?.kind && mine.chain === theirs.chain;
}

function compareSets({ sets }: NewTable, found: FoundTable): readonly string[] {
  const known = new Map(found.sets.map((set) => [set.name, set]));
  const names = new Set(sets.map(({ name }) => name));
  return [
    ...sets.flatMap((set) => {
      const each = known.get(set.name);
      if (each === undefined) return [`its set ${set.name} is gone`];
      if (!isSameSetKind(set, each)) return [`its set ${set.name} is of another type`];
      return compareElements(set, each);
    }),
    ...found.sets
      .filter(({ name }) => !names.has(name))
      .map(({ name }) => `it has an unexpected set ${name}`),
  ];
}

function compareElements(wanted: FirewallSetCopy, found: FirewallSetCopy): readonly string[] {
  const mine = textsOf(wanted);
  const theirs = textsOf(found);
  const missing = [...mine].filter((text) => !theirs.has(text)).length;
  const strange = [...theirs].filter((text) => !mine.has(text)).length;
  if (missing + strange === 0) return [];
  return [`its set ${wanted.name} lacks ${missing} elements and has ${strange} unexpected ones`];
}

function textsOf({ name, elements }: FirewallSetCopy): ReadonlySet<string> {
  const texts = elements.map(({ key, keyEnd, data, flags }) =>
    elementText({
      set: name,
      key,
      keyEnd,
      data,
      isEnd: (flags & 1) === 0 ? undefined : true,
    }),
  );
  return new Set(texts.filter((text) => !isStart(text)));
}

/** KERNEL: sets with intervals of one field list an end at zero that covers all values before the first element. */
function isStart(text: string): boolean {
  return /^\S+ 0+-:\]$/.test(text);
}
