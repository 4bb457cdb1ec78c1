import {
  NFTA_EXPR_NAME,
  NFTA_EXPR_DATA,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_VERDICT_CODE,
  NFTA_VERDICT_CHAIN,
  NFTA_SET_NAME,
  NFTA_SET_FLAGS,
  NFT_NAT_DNAT,
  NF_NAT_RANGE_PROTO_OFFSET,
} from "./constants/nftables.ts";
import {
  bigU32Attribute,
  bytesAttribute,
  nestedAttribute,
  textAttribute,
  type Attribute,
} from "./netlink/attributes.ts";
import {
  type Expression,
  type FirewallSetCopy,
  parseExpression,
  type Verdict,
  verdictCodes,
} from "./nftables-rules.ts";

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
