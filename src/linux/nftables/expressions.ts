import {
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
} from "../constants/nftables.ts";
import {
  type Attribute,
  bigU32Attribute,
  bytesAttribute,
  nestedAttribute,
  textAttribute,
} from "../netlink/attributes.ts";
import { type Expression, parseExpression, type Verdict, verdictCodes } from "./rules.ts";

const number = bigU32Attribute;
const value = (attribute: number, bytes: Uint8Array): Attribute =>
  nestedAttribute(attribute, bytesAttribute(NFTA_DATA_VALUE, bytes));

export function encodeExpression(name: string, ...attributes: readonly Attribute[]): Expression {
  const raw = Buffer.concat([
    textAttribute(NFTA_EXPR_NAME, name),
    nestedAttribute(NFTA_EXPR_DATA, ...attributes),
  ]);
  return {
    name,
    raw,
    // Not before they are asked for: a first start encodes some hundred expressions, and reads none.
    get attributes() {
      return parseExpression(raw).attributes;
    },
  };
}

/**
 * The number of the register that begins at a word of four bytes. Registers 1 to 4 have 16 bytes; the words between
 * them count from 8.
 */
export function registerAt(word: number): number {
  return word % 4 === 0 ? 1 + word / 4 : 8 + word;
}

// SPEC: linux/netfilter/nf_tables.h: enum nft_meta_keys, nft_payload_bases, nft_ct_keys, nft_fib_result;
// linux/netfilter/nf_conntrack_common.h.
const metaKeys = { iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
const ctKeys = { state: 0, status: 2 } as const;
const fibDaddrType = { result: 3, flags: 2 } as const;
const bases = { network: 1, transport: 2 } as const;
const EQUAL = 0;
const NOT_EQUAL = 1;
const NFT_PAYLOAD_CSUM_INET = 1;
const NFT_PAYLOAD_L4CSUM_PSEUDOHDR = 1;
const NF_NAT_RANGE_MAP_IPS = 1;
const NF_NAT_RANGE_PROTO_SPECIFIED = 2;

/** Bits of a connection's state and status. */
export const connection = { established: 2, related: 4, isNew: 8, destinationTranslated: 0x20 } as const;

export interface PayloadPart {
  readonly base: keyof typeof bases;
  readonly offset: number;
  readonly length: number;
}

const made = new Map<string, Expression>();

/**
 * The same expression each time: rules have few different ones, and a first start makes them in code that has not run
 * before.
 */
function once(key: string, make: () => Expression): Expression {
  const known = made.get(key);
  if (known !== undefined) return known;
  const expression = make();
  made.set(key, expression);
  return expression;
}

/** Loads metadata of the packet into the register at a word. */
export function loadMeta(key: keyof typeof metaKeys, word = 0): Expression {
  return once(`meta ${key} ${word}`, () =>
    encodeExpression("meta", number(1, registerAt(word)), number(2, metaKeys[key])),
  );
}

export function loadPayload({ base, offset, length }: PayloadPart, word = 0): Expression {
  return once(`payload ${base} ${offset} ${length} ${word}`, () =>
    encodeExpression(
      "payload",
      number(1, registerAt(word)),
      number(2, bases[base]),
      number(3, offset),
      number(4, length),
    ),
  );
}

/**
 * Replaces bytes of the network header by the first register, and corrects the checksum of IPv4 and of what depends on
 * its addresses.
 */
export function writePayload(
  { base, offset, length }: PayloadPart,
  { checksumOffset }: { readonly checksumOffset?: number | undefined },
): Expression {
  return encodeExpression(
    "payload",
    number(5, registerAt(0)),
    number(2, bases[base]),
    number(3, offset),
    number(4, length),
    number(6, checksumOffset === undefined ? 0 : NFT_PAYLOAD_CSUM_INET),
    number(7, checksumOffset ?? 0),
    number(8, NFT_PAYLOAD_L4CSUM_PSEUDOHDR),
  );
}

/** Ends the rule unless the first register has these bytes. */
export function isEqual(bytes: Uint8Array): Expression {
  return once(`equal ${bytes.join()}`, () =>
    encodeExpression("cmp", number(1, registerAt(0)), number(2, EQUAL), value(3, bytes)),
  );
}

export function loadValue(bytes: Uint8Array): Expression {
  return encodeExpression("immediate", number(1, registerAt(0)), value(2, bytes));
}

/** Ends the rule unless the connection has one of these bits in its state or status. */
export function hasConnectionBit(key: keyof typeof ctKeys, bits: number): readonly Expression[] {
  const mask = Uint8Array.of(bits, 0, 0, 0); // in the machine's byte order
  const zero = new Uint8Array(4);
  return [
    encodeExpression("ct", number(1, registerAt(0)), number(2, ctKeys[key])),
    encodeExpression(
      "bitwise",
      number(1, registerAt(0)),
      number(2, registerAt(0)),
      number(3, 4),
      value(4, mask),
      value(5, zero),
    ),
    encodeExpression("cmp", number(1, registerAt(0)), number(2, NOT_EQUAL), value(3, zero)),
  ];
}

/** Ends the rule unless the destination is an address of this host. */
export function isToThisHost(): readonly Expression[] {
  const local = Uint8Array.of(2, 0, 0, 0);
  const { result, flags } = fibDaddrType;
  return [
    encodeExpression("fib", number(1, registerAt(0)), number(2, result), number(3, flags)),
    isEqual(local),
  ];
}

/** Ends the rule unless the set has what was loaded. */
export function isIn(set: string): Expression {
  return encodeExpression("lookup", textAttribute(1, set), number(2, registerAt(0)));
}

/** As isIn(), and loads what the map gives in place of it. */
export function lookUp(map: string): Expression {
  return encodeExpression(
    "lookup",
    textAttribute(1, map),
    number(2, registerAt(0)),
    number(3, registerAt(0)),
  );
}

/**
 * Source or destination becomes the loaded address, with the port in the word `portWord`. The last ones of a range, and
 * flags: see NF_NAT_RANGE. Values that the kernel would complete are written out, so that they read back as they were
 * sent.
 */
export function translate(
  kind: "source" | "destination",
  {
    family,
    portWord,
    lastAddressWord = 0,
    lastPortWord = portWord,
    flags = 0,
  }: {
    readonly family: 4 | 6;
    readonly portWord?: number | undefined;
    readonly lastAddressWord?: number | undefined;
    readonly lastPortWord?: number | undefined;
    readonly flags?: number | undefined;
  },
): Expression {
  const ports =
    portWord === undefined || lastPortWord === undefined
      ? []
      : [number(5, registerAt(portWord)), number(6, registerAt(lastPortWord))];
  const implied = NF_NAT_RANGE_MAP_IPS | (ports.length === 0 ? 0 : NF_NAT_RANGE_PROTO_SPECIFIED);
  return encodeExpression(
    "nat",
    number(1, kind === "source" ? 0 : 1),
    number(2, nfprotoOf(family)),
    number(3, registerAt(0)),
    number(4, registerAt(lastAddressWord)),
    ...ports,
    number(7, implied | flags),
  );
}

export function masquerade(): Expression {
  return encodeExpression("masq");
}

export function nfprotoOf(family: 4 | 6): number {
  return family === 4 ? 2 : 10;
}

export function giveVerdict({ kind, chain }: Verdict): Expression {
  const code = Number(Object.entries(verdictCodes).find((entry) => entry[1] === kind)?.[0] ?? 0);
  return encodeExpression(
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
}
