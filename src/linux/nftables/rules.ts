import {
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETRULE,
  NFT_MSG_GETSET,
  NFT_MSG_GETSETELEM,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TYPE,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_RULE_TABLE,
  NFTA_RULE_CHAIN,
  NFTA_RULE_HANDLE,
  NFTA_RULE_EXPRESSIONS,
  NFTA_EXPR_NAME,
  NFTA_EXPR_DATA,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_VERDICT_CODE,
  NFTA_VERDICT_CHAIN,
  NFTA_SET_NAME,
  NFTA_SET_FLAGS,
  NFT_SET_ANONYMOUS,
  NFT_SET_CONSTANT,
} from "../constants/nftables.ts";
import {
  attributeMap,
  bigU32Attribute,
  bytesAttribute,
  nestedAttribute,
  parseAttributes,
  textAttribute,
  textOf,
  type Attribute,
} from "../netlink/attributes.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";
import type { TableFamily, TableName } from "./nftables.ts";

/** The attributes of a set that a copy of the same kind needs. */
const COPIED_OF_SET: ReadonlySet<number> = new Set([2, 4, 5, 6, 7, 8, 9, 11, 12, 13]);
/** Of an element: key, data, flags, timeout, expiration, last key. */
const COPIED_OF_ELEMENT: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 10]);

const families: Readonly<Record<number, TableFamily>> = { 1: "inet", 2: "ip", 10: "ip6" };
const numbers: Readonly<Record<TableFamily, number>> = { inet: 1, ip: 2, ip6: 10 };

export type VerdictKind = "accept" | "drop" | "queue" | "continue" | "return" | "jump" | "goto";
export const verdictCodes: Readonly<Record<number, VerdictKind>> = {
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
  readonly chain?: string | undefined;
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
  readonly handle?: number | undefined;
  /** The protocol that extensions of iptables receive. */
  readonly compatProtocol?: number | undefined;
}

export interface FirewallChain extends TableName {
  readonly chain: string;
  /** A base chain's. */
  readonly hook?: { readonly number: number; readonly priority: number } | undefined;
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
  readonly keyEnd?: Buffer | undefined;
  readonly flags: number;
  readonly data?: Buffer | undefined;
  readonly verdict?: Verdict | undefined;
}

/** The header of messages about tables of a family; without one, of all. */
export function tableHead(family?: TableFamily): Buffer {
  return Buffer.from([family === undefined ? 0 : numbers[family], 0, 0, 0]);
}

export function messageType(message: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | message;
}

/** All chains of the families inet, ip and ip6. */
export function listChains(socket: NetlinkSocket): readonly FirewallChain[] {
  return socket
    .dump({
      type: messageType(NFT_MSG_GETCHAIN),
      flags: 0,
      payload: tableHead(),
      about: "list the firewall's chains",
    })
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
          hook: of && {
            number: of.get(NFTA_HOOK_HOOKNUM)?.readUInt32BE(0) ?? 0,
            priority: of.get(NFTA_HOOK_PRIORITY)?.readInt32BE(0) ?? 0,
          },
        },
      ];
    });
}

/** In their order, by chain. */
export function listRules(socket: NetlinkSocket, { family, table }: TableName): readonly FirewallRule[] {
  return socket
    .dump({
      type: messageType(NFT_MSG_GETRULE),
      flags: 0,
      payload: Buffer.concat([tableHead(family), textAttribute(NFTA_RULE_TABLE, table)]),
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
        handle: handle && Number(handle.readBigUInt64BE(0)),
      };
    });
}

export function parseExpression(raw: Buffer): Expression {
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
  readonly value?: Buffer | undefined;
  readonly verdict?: Verdict | undefined;
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
      // Flags of the kernel may be in the upper bits of a queue's number.
      kind: verdictCodes[of.get(NFTA_VERDICT_CODE)?.readInt32BE(0) ?? 0] ?? "queue",
      chain: chain && textOf(chain),
    },
  };
}

export function listSets(socket: NetlinkSocket, name: TableName): readonly FirewallSetCopy[] {
  const table = Buffer.concat([tableHead(name.family), textAttribute(NFTA_RULE_TABLE, name.table)]);
  return socket
    .dump({
      type: messageType(NFT_MSG_GETSET),
      flags: 0,
      payload: table,
      about: `list the sets of the table ${name.table}`,
    })
    .map(({ payload }) => {
      const attributes = parseAttributes(payload, 4);
      const set = textOf(attributes.find((each) => each.type === NFTA_SET_NAME)?.payload);
      const flags = attributes.find((each) => each.type === NFTA_SET_FLAGS)?.payload.readUInt32BE(0) ?? 0;
      const members = socket.dump({
        type: messageType(NFT_MSG_GETSETELEM),
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
    keyEnd,
    flags: find(3)?.readUInt32BE(0) ?? 0,
    data: value,
    verdict,
  };
}
