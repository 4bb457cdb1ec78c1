import type { NetlinkSocket } from "./netlink-socket.ts";
import {
  attributeMap,
  bigU32Attribute,
  bytesAttribute,
  nestedAttribute,
  parseAttributes,
  textAttribute,
  textOf,
  type Attribute,
} from "./netlink/attributes.ts";
import { NLM_F_APPEND, NLM_F_CREATE, type NetlinkRequest } from "./netlink/message.ts";
import { transaction, type TableFamily, type TableName } from "./nftables.ts";

// <linux/netfilter/nf_tables.h>
const SUBSYSTEM = 10;
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_NEWSET = 9;
const NFT_MSG_GETSET = 10;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_GETSETELEM = 13;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_POLICY = 5;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_RULE_COMPAT = 5;
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_ID = 10;
const NFT_NAT_DNAT = 1;
const NF_NAT_RANGE_PROTO_OFFSET = 0x20;
const NFT_SET_ANONYMOUS = 0x1;
const NFT_SET_CONSTANT = 0x2;
/** What of a set's description makes another of the same kind. */
const COPIED_OF_SET: ReadonlySet<number> = new Set([2, 4, 5, 6, 7, 8, 9, 11, 12, 13]);
/** Of an element: key, data, flags, timeout, expiration, last key. */
const COPIED_OF_ELEMENT: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 10]);

const families: Readonly<Record<number, TableFamily>> = { 1: "inet", 2: "ip", 10: "ip6" };
const numbers: Readonly<Record<TableFamily, number>> = { inet: 1, ip: 2, ip6: 10 };

export type VerdictKind = "accept" | "drop" | "queue" | "continue" | "return" | "jump" | "goto";
const verdictCodes: Readonly<Record<number, VerdictKind>> = {
  0: "drop",
  1: "accept",
  3: "queue",
  [-1]: "continue",
  [-3]: "jump",
  [-4]: "goto",
  [-5]: "return",
};

export interface Verdict {
  readonly kind: VerdictKind;
  /** Of jump and goto. */
  readonly chain?: string;
}

/** One step of a rule: its name and attributes, with those read that a reader of rules needs. */
export interface Expression {
  readonly name: string;
  /** The payload of its list element: as good as new for another rule. */
  readonly raw: Uint8Array;
  readonly attributes: ReadonlyMap<number, Buffer>;
}

export interface FirewallRule {
  readonly chain: string;
  readonly expressions: readonly Expression[];
  readonly handle?: number;
  /** The protocol that extensions of iptables are told. */
  readonly compatProtocol?: number;
}

export interface FirewallChain extends TableName {
  readonly chain: string;
  /** A base chain's. */
  readonly hook?: { readonly number: number; readonly priority: number };
  readonly policy: "accept" | "drop";
  readonly type: string;
}

/** A set with its elements, to be copied or looked into. */
export interface FirewallSetCopy {
  readonly name: string;
  readonly isMap: boolean;
  /** Attributes that make another of its kind, but its table. */
  readonly description: readonly Attribute[];
  readonly elements: readonly SetMember[];
}

export interface SetMember {
  readonly raw: Uint8Array;
  readonly key: Buffer;
  readonly keyEnd?: Buffer;
  readonly flags: number;
  readonly data?: Buffer;
  readonly verdict?: Verdict;
}

function head(family: number): Buffer {
  return Buffer.from([family, 0, 0, 0]);
}

function type(message: number): number {
  return (SUBSYSTEM << 8) | message;
}

/** All chains of the families inet, ip and ip6. */
export function listChains(socket: NetlinkSocket): readonly FirewallChain[] {
  return socket
    .dump({ type: type(NFT_MSG_GETCHAIN), flags: 0, payload: head(0), about: "list the firewall's chains" })
    .flatMap(({ payload }) => {
      const family = families[payload.readUInt8(0)];
      if (family === undefined) return [];
      const attributes = attributeMap(payload, 4);
      const hook = attributes.get(NFTA_CHAIN_HOOK);
      const of = hook === undefined ? undefined : attributeMap(hook);
      return [
        {
          family,
          table: textOf(attributes.get(NFTA_CHAIN_TABLE)),
          chain: textOf(attributes.get(NFTA_CHAIN_NAME)),
          type: textOf(attributes.get(NFTA_CHAIN_TYPE)),
          policy:
            attributes.get(NFTA_CHAIN_POLICY)?.readUInt32BE(0) === 0
              ? ("drop" as const)
              : ("accept" as const),
          ...(of === undefined
            ? {}
            : {
                hook: {
                  number: of.get(NFTA_HOOK_HOOKNUM)?.readUInt32BE(0) ?? 0,
                  priority: of.get(NFTA_HOOK_PRIORITY)?.readInt32BE(0) ?? 0,
                },
              }),
        },
      ];
    });
}

/** In their order, by chain. */
export function listRules(socket: NetlinkSocket, { family, table }: TableName): readonly FirewallRule[] {
  return socket
    .dump({
      type: type(NFT_MSG_GETRULE),
      flags: 0,
      payload: Buffer.concat([head(numbers[family]), textAttribute(NFTA_RULE_TABLE, table)]),
      about: `list the rules of the table ${table}`,
    })
    .map(({ payload }) => {
      const attributes = attributeMap(payload, 4);
      const list = attributes.get(NFTA_RULE_EXPRESSIONS);
      const handle = attributes.get(NFTA_RULE_HANDLE);
      return {
        chain: textOf(attributes.get(NFTA_RULE_CHAIN)),
        expressions:
          list === undefined ? [] : parseAttributes(list).map((each) => parseExpression(each.payload)),
        ...(handle === undefined ? {} : { handle: Number(handle.readBigUInt64BE(0)) }),
      };
    });
}

function parseExpression(raw: Buffer): Expression {
  const attributes = attributeMap(raw);
  const data = attributes.get(NFTA_EXPR_DATA);
  return {
    name: textOf(attributes.get(NFTA_EXPR_NAME)),
    raw,
    attributes: data === undefined ? new Map() : attributeMap(data),
  };
}

/** The value or verdict in an attribute of an expression, such as what `cmp` compares with. */
export function parseData(payload: Buffer | undefined): {
  readonly value?: Buffer;
  readonly verdict?: Verdict;
} {
  if (payload === undefined) return {};
  const attributes = attributeMap(payload);
  const value = attributes.get(NFTA_DATA_VALUE);
  if (value !== undefined) return { value };
  const verdict = attributes.get(NFTA_DATA_VERDICT);
  if (verdict === undefined) return {};
  const of = attributeMap(verdict);
  const chain = of.get(NFTA_VERDICT_CHAIN);
  return {
    verdict: {
      // What the kernel may add to a queue's number is in the upper bits.
      kind: verdictCodes[of.get(NFTA_VERDICT_CODE)?.readInt32BE(0) ?? 0] ?? "queue",
      ...(chain === undefined ? {} : { chain: textOf(chain) }),
    },
  };
}

export function listSets(socket: NetlinkSocket, name: TableName): readonly FirewallSetCopy[] {
  const table = Buffer.concat([head(numbers[name.family]), textAttribute(NFTA_RULE_TABLE, name.table)]);
  return socket
    .dump({
      type: type(NFT_MSG_GETSET),
      flags: 0,
      payload: table,
      about: `list the sets of the table ${name.table}`,
    })
    .map(({ payload }) => {
      const attributes = parseAttributes(payload, 4);
      const set = textOf(attributes.find((each) => each.type === NFTA_SET_NAME)?.payload);
      const flags = attributes.find((each) => each.type === NFTA_SET_FLAGS)?.payload.readUInt32BE(0) ?? 0;
      const members = socket.dump({
        type: type(NFT_MSG_GETSETELEM),
        flags: 0,
        payload: Buffer.concat([table, textAttribute(NFTA_SET_NAME, set)]),
        about: `list the set ${set}`,
      });
      return {
        name: set,
        isMap: (flags & 0x8) !== 0,
        description: [
          ...attributes
            .filter((each) => COPIED_OF_SET.has(each.type))
            // Nested ones have lost their mark.
            .map((each) =>
              each.type === 9 ? nestedAttribute(9, each.payload) : bytesAttribute(each.type, each.payload),
            ),
          bigU32Attribute(NFTA_SET_FLAGS, flags & ~(NFT_SET_ANONYMOUS | NFT_SET_CONSTANT)),
        ],
        elements: members.flatMap((reply) => {
          const list = attributeMap(reply.payload, 4).get(3);
          return list === undefined ? [] : parseAttributes(list).map((each) => parseMember(each.payload));
        }),
      };
    });
}

function parseMember(payload: Buffer): SetMember {
  const attributes = parseAttributes(payload);
  const find = (wanted: number): Buffer | undefined =>
    attributes.find((each) => each.type === wanted)?.payload;
  const keyEnd = parseData(find(10)).value;
  const { value, verdict } = parseData(find(2));
  return {
    raw: Buffer.concat(
      attributes
        .filter((each) => COPIED_OF_ELEMENT.has(each.type))
        .map((each) =>
          [1, 2, 10].includes(each.type)
            ? nestedAttribute(each.type, each.payload)
            : bytesAttribute(each.type, each.payload),
        ),
    ),
    key: parseData(find(1)).value ?? Buffer.alloc(0),
    ...(keyEnd === undefined ? {} : { keyEnd }),
    flags: find(3)?.readUInt32BE(0) ?? 0,
    ...(value === undefined ? {} : { data: value }),
    ...(verdict === undefined ? {} : { verdict }),
  };
}

export interface NewTable {
  readonly name: TableName;
  readonly chains: readonly {
    readonly chain: string;
    readonly hook?: { readonly number: number; readonly priority: number };
  }[];
  readonly sets: readonly FirewallSetCopy[];
  readonly rules: readonly FirewallRule[];
}

/** Requests of one transaction that makes tables anew, whatever was in them. */
export function newTableRequests({ name, chains, sets, rules }: NewTable): readonly NewTableRequest[] {
  const { family, table } = name;
  const start = head(numbers[family]);
  const tableAttribute = textAttribute(1, table);
  const request = (
    message: number,
    about: string,
    attributes: readonly Attribute[],
    flags: number = NLM_F_CREATE,
  ): NetlinkRequest => ({
    type: type(message),
    flags,
    payload: Buffer.concat([start, tableAttribute, ...attributes]),
    about,
  });
  const make = request(NFT_MSG_NEWTABLE, `make the firewall's table ${table}`, []);
  return [
    make,
    request(NFT_MSG_DELTABLE, `remove the firewall's table ${table}`, [], 0),
    make,
    ...chains.map(({ chain, hook }) =>
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
              textAttribute(NFTA_CHAIN_TYPE, "filter"),
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
    type: type(NFT_MSG_NEWRULE),
    flags: NLM_F_CREATE | NLM_F_APPEND,
    payload: Buffer.concat([
      head(numbers[family]),
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
  readonly rule?: FirewallRule;
}

/** All or nothing. A NetlinkFailure has the request that was refused, and with it the rule. */
export function makeTables(socket: NetlinkSocket, tables: readonly NewTable[]): void {
  if (tables.length > 0) socket.sendTransaction(transaction(tables.flatMap(newTableRequests)));
}

function expression(name: string, ...attributes: readonly Attribute[]): Expression {
  const raw = Buffer.concat([
    textAttribute(NFTA_EXPR_NAME, name),
    nestedAttribute(NFTA_EXPR_DATA, ...attributes),
  ]);
  return parseExpression(raw);
}

const number = bigU32Attribute;
const value = (attribute: number, ...bytes: readonly number[]): Attribute =>
  nestedAttribute(attribute, bytesAttribute(NFTA_DATA_VALUE, Uint8Array.from(bytes)));

/** The number of the register that begins at a word: those of 16 bytes are 1 to 4, between them words are numbered from 8. */
function wordRegister(word: number): number {
  return word % 4 === 0 ? 1 + word / 4 : 8 + word;
}

/** Steps of rules that are made here. Registers: 1 has 16 bytes, 9 is its second word. */
export const steps: {
  readonly verdict: (verdict: Verdict) => Expression;
  readonly isNewConnection: readonly Expression[];
  readonly isToThisHost: readonly Expression[];
  readonly hasPortIn: (set: string) => readonly Expression[];
  readonly shiftPorts: (options: {
    readonly map: string;
    readonly family: 4 | 6;
    readonly hasAddress: boolean;
  }) => readonly Expression[];
} = {
  verdict: ({ kind, chain }) => {
    const code = Number(Object.entries(verdictCodes).find((entry) => entry[1] === kind)?.[0] ?? 0);
    return expression(
      "immediate",
      number(1, 0),
      nestedAttribute(
        2,
        nestedAttribute(
          NFTA_DATA_VERDICT,
          number(NFTA_VERDICT_CODE, code >>> 0),
          ...(chain === undefined ? [] : [textAttribute(NFTA_VERDICT_CHAIN, chain)]),
        ),
      ),
    );
  },
  // ct state & new != 0
  isNewConnection: [
    expression("ct", number(1, 1), number(2, 0)),
    expression(
      "bitwise",
      number(1, 1),
      number(2, 1),
      number(3, 4),
      value(4, 8, 0, 0, 0),
      value(5, 0, 0, 0, 0),
    ),
    expression("cmp", number(1, 1), number(2, 1), value(3, 0, 0, 0, 0)),
  ],
  // fib daddr type == local
  isToThisHost: [
    expression("fib", number(1, 1), number(2, 3), number(3, 2)),
    expression("cmp", number(1, 1), number(2, 0), value(3, 2, 0, 0, 0)),
  ],
  hasPortIn: (set) => [
    expression("meta", number(1, 1), number(2, 16)),
    expression("payload", number(1, 9), number(2, 2), number(3, 2), number(4, 2)),
    expression("lookup", textAttribute(1, set), number(2, 1)),
  ],
  // dnat to [daddr .] l4proto . dport map @map, which gives an address and a port, and both again: the last ones
  shiftPorts: ({ map, family, hasAddress }) => {
    const words = family === 4 ? 1 : 4;
    const nfproto = family === 4 ? 2 : 10;
    const after = hasAddress ? words : 0;
    const address = [
      expression("meta", number(1, 1), number(2, 15)),
      expression("cmp", number(1, 1), number(2, 0), value(3, nfproto)),
      expression(
        "payload",
        number(1, 1),
        number(2, 1),
        number(3, family === 4 ? 16 : 24),
        number(4, words * 4),
      ),
    ];
    return [
      ...(hasAddress ? address : []),
      expression("meta", number(1, wordRegister(after)), number(2, 16)),
      expression("payload", number(1, wordRegister(after + 1)), number(2, 2), number(3, 2), number(4, 2)),
      expression("lookup", textAttribute(1, map), number(2, 1), number(3, 1)),
      expression(
        "nat",
        number(1, NFT_NAT_DNAT),
        number(2, nfproto),
        number(3, 1),
        // The same address again. nft 1.1 lists that as an interval, which it can't read back for IPv6: the kernel needs it of neither.
        ...(family === 4 ? [number(4, wordRegister(words + 1))] : []),
        number(5, wordRegister(words)),
        number(6, wordRegister(2 * words + 1)),
        number(7, NF_NAT_RANGE_PROTO_OFFSET),
      ),
    ];
  },
};

/** A set of protocols and ports, with intervals. */
export function portSet(
  name: string,
  elements: readonly { readonly key: Uint8Array; readonly keyEnd: Uint8Array }[],
): FirewallSetCopy {
  const field = (length: number): Attribute => nestedAttribute(1, bigU32Attribute(1, length));
  return {
    name,
    isMap: false,
    description: [
      textAttribute(NFTA_SET_NAME, name),
      // inet_proto . inet_service, as nft numbers its types: they are for its listing only.
      bigU32Attribute(4, (12 << 6) | 13),
      bigU32Attribute(5, 8),
      nestedAttribute(9, nestedAttribute(2, field(1), field(2))),
      bigU32Attribute(NFTA_SET_FLAGS, 0x84),
    ],
    elements: elements.map(({ key, keyEnd }) => ({
      raw: Buffer.concat([
        nestedAttribute(1, bytesAttribute(NFTA_DATA_VALUE, key)),
        nestedAttribute(10, bytesAttribute(NFTA_DATA_VALUE, keyEnd)),
      ]),
      key: Buffer.from(key),
      keyEnd: Buffer.from(keyEnd),
      flags: 0,
    })),
  };
}
