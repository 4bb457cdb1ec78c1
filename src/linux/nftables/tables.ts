import {
  NFT_MSG_NEWTABLE,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TYPE,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_RULE_TABLE,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_COMPAT,
  NFTA_LIST_ELEM,
  NFTA_SET_ID,
} from "../constants/nftables.ts";
import { bigU32Attribute, nestedAttribute, textAttribute, type Attribute } from "../netlink/attributes.ts";
import { NLM_F_APPEND, NLM_F_CREATE, type NetlinkRequest } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";
import { type FirewallRule, type FirewallSetCopy, messageType, tableHead } from "./rules.ts";
import { type TableName, transaction } from "./nftables.ts";

export interface NewTable {
  readonly name: TableName;
  readonly chains: readonly {
    readonly chain: string;
    readonly hook?: { readonly number: number; readonly priority: number } | undefined;
    /** Of a base chain: what it is for. */
    readonly type?: "filter" | "nat" | undefined;
  }[];
  readonly sets: readonly FirewallSetCopy[];
  readonly rules: readonly FirewallRule[];
}

/** Requests of one transaction that makes tables anew, whatever was in them. */
export function newTableRequests({ name, chains, sets, rules }: NewTable): readonly NewTableRequest[] {
  const { family, table } = name;
  const start = tableHead(family);
  const tableAttribute = textAttribute(1, table);
  const request = (
    message: number,
    about: string,
    attributes: readonly Attribute[],
    flags: number = NLM_F_CREATE,
  ): NetlinkRequest => ({
    type: messageType(message),
    flags,
    payload: Buffer.concat([start, tableAttribute, ...attributes]),
    about,
  });
  const make = request(NFT_MSG_NEWTABLE, `make the firewall's table ${table}`, []);
  return [
    make,
    request(NFT_MSG_DELTABLE, `remove the firewall's table ${table}`, [], 0),
    make,
    ...chains.map(({ chain, hook, type = "filter" }) =>
      request(NFT_MSG_NEWCHAIN, `make the firewall's chain ${chain}`, [
        textAttribute(NFTA_CHAIN_NAME, chain),
        ...(hook === undefined
          ? []
          : [
              nestedAttribute(
                NFTA_CHAIN_HOOK,
                bigU32Attribute(NFTA_HOOK_HOOKNUM, hook.number),
                bigU32Attribute(NFTA_HOOK_PRIORITY, hook.priority >>> 0),
              ),
              bigU32Attribute(NFTA_CHAIN_POLICY, 1),
              textAttribute(NFTA_CHAIN_TYPE, type),
            ]),
      ]),
    ),
    ...sets.map((set, at) =>
      request(NFT_MSG_NEWSET, `make the firewall's set ${set.name}`, [
        ...set.description,
        bigU32Attribute(NFTA_SET_ID, at + 1),
      ]),
    ),
    ...sets
      .filter((set) => set.elements.length > 0)
      .flatMap((set) =>
        Array.from({ length: Math.ceil(set.elements.length / 256) }, (_, at) =>
          request(NFT_MSG_NEWSETELEM, `fill the firewall's set ${set.name}`, [
            textAttribute(2, set.name),
            nestedAttribute(
              3,
              ...set.elements
                .slice(at * 256, (at + 1) * 256)
                .map((member) => nestedAttribute(NFTA_LIST_ELEM, member.raw)),
            ),
          ]),
        ),
      ),
    ...rules.map((rule) => ({ ...newRuleRequest(name, rule), rule })),
  ];
}

/** Behind the others of its chain. */
function newRuleRequest(
  { family, table }: TableName,
  { chain, handle = 0, expressions, compatProtocol }: FirewallRule,
): NetlinkRequest {
  return {
    type: messageType(NFT_MSG_NEWRULE),
    flags: NLM_F_CREATE | NLM_F_APPEND,
    payload: Buffer.concat([
      tableHead(family),
      textAttribute(NFTA_RULE_TABLE, table),
      textAttribute(NFTA_RULE_CHAIN, chain),
      nestedAttribute(
        NFTA_RULE_EXPRESSIONS,
        ...expressions.map(({ raw }) => nestedAttribute(NFTA_LIST_ELEM, raw)),
      ),
      ...(compatProtocol === undefined
        ? []
        : [nestedAttribute(NFTA_RULE_COMPAT, bigU32Attribute(1, compatProtocol), bigU32Attribute(2, 0))]),
    ]),
    about:
      handle === 0
        ? `make a rule of the firewall's chain ${chain}`
        : `copy rule ${handle} of the chain ${chain}`,
  };
}

/** All or nothing, behind the others of their chains. */
export function appendRules(
  socket: NetlinkSocket,
  { name, rules }: { readonly name: TableName; readonly rules: readonly FirewallRule[] },
): void {
  socket.sendTransaction(transaction(rules.map((rule) => newRuleRequest(name, rule))));
}

export interface NewTableRequest extends NetlinkRequest {
  /** The rule that this makes. */
  readonly rule?: FirewallRule | undefined;
}

/** All or nothing. A NetlinkFailure has the request that was refused, and with it the rule. */
export function makeTables(socket: NetlinkSocket, tables: readonly NewTable[]): void {
  if (tables.length > 0) socket.sendTransaction(transaction(tables.flatMap(newTableRequests)));
}
