import { NFTA_SET_FLAGS, NFTA_SET_NAME } from "../constants/nftables.ts";
import {
  type Attribute,
  attributeMap,
  bigU32Attribute,
  bytesAttribute,
  nestedAttribute,
  textAttribute,
} from "../netlink/attributes.ts";
import type { FirewallSetCopy } from "./rules.ts";
import { encodeElement, type SetElement } from "./nftables.ts";

// SPEC: linux/netfilter/nf_tables.h: enum nft_set_attributes, nft_set_desc_attributes, nft_set_flags.
const NFTA_SET_KEY_TYPE = 4;
const NFTA_SET_KEY_LEN = 5;
const NFTA_SET_DATA_TYPE = 6;
const NFTA_SET_DATA_LEN = 7;
const NFTA_SET_DESC = 9;
const NFTA_SET_DESC_CONCAT = 2;
const NFTA_SET_FIELD_LEN = 1;
const NFTA_SET_USERDATA = 13;
const NFT_SET_INTERVAL = 0x4;
const NFT_SET_MAP = 0x8;
const NFT_SET_CONCAT = 0x80;

// Data that only nft reads. SPEC: nftables' datatype.h (enum datatypes) and libnftnl's udata.h; both are kept for
// compatibility with sets in kernels.
const fields = {
  ipv4_addr: { type: 7, bytes: 4, byteOrder: "network" },
  ipv6_addr: { type: 8, bytes: 16, byteOrder: "network" },
  inet_proto: { type: 12, bytes: 1, byteOrder: "network" },
  inet_service: { type: 13, bytes: 2, byteOrder: "network" },
  ifname: { type: 41, bytes: 16, byteOrder: "host" },
} as const;
const TYPE_BITS = 6;
const byteOrders = { mixed: 0, host: 1, network: 2 } as const;
const UDATA_KEY_BYTE_ORDER = 0;
const UDATA_DATA_BYTE_ORDER = 1;
const UDATA_DATA_INTERVAL = 6;

export type SetField = keyof typeof fields;

/** The type of a set's elements. */
export interface SetType {
  readonly key: readonly SetField[];
  /** The values of a map; a set has none. */
  readonly data?: readonly SetField[] | undefined;
  /** Elements are intervals of keys. */
  readonly interval?: true | undefined;
  /** A map gives intervals: the first and the last of its data. */
  readonly dataInterval?: true | undefined;
}

/**
 * A set as a new table has it. With several fields, intervals have a last key; with one, an element of their own for
 * the end.
 */
export function newSet(name: string, type: SetType, elements: readonly SetElement[] = []): FirewallSetCopy {
  const { key, data } = type;
  const hasIntervalsOfFields = type.interval === true && key.length > 1;
  const flags =
    (type.interval === true ? NFT_SET_INTERVAL : 0) |
    (data === undefined ? 0 : NFT_SET_MAP) |
    (hasIntervalsOfFields ? NFT_SET_CONCAT : 0);
  return {
    name,
    isMap: data !== undefined,
    description: [
      textAttribute(NFTA_SET_NAME, name),
      bigU32Attribute(NFTA_SET_FLAGS, flags),
      bigU32Attribute(NFTA_SET_KEY_TYPE, typeNumber(key)),
      bigU32Attribute(NFTA_SET_KEY_LEN, lengthOf(key)),
      ...(data === undefined
        ? []
        : [
            bigU32Attribute(NFTA_SET_DATA_TYPE, typeNumber(data)),
            bigU32Attribute(NFTA_SET_DATA_LEN, lengthOf(data) * (type.dataInterval === true ? 2 : 1)),
          ]),
      ...(hasIntervalsOfFields ? [fieldLengths(key)] : []),
      bytesAttribute(NFTA_SET_USERDATA, userData(type)),
    ],
    elements: elements.map(toMember),
  };
}

/** Whether flags, and types and lengths of keys and data are the same. */
export function isSameSetKind(one: FirewallSetCopy, other: FirewallSetCopy): boolean {
  const [mine, theirs] = [one, other].map((set) => attributeMap(Buffer.concat(set.description)));
  return [NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN, NFTA_SET_DATA_TYPE, NFTA_SET_DATA_LEN].every(
    (type) => (mine?.get(type)?.readUInt32BE(0) ?? 0) === (theirs?.get(type)?.readUInt32BE(0) ?? 0),
  );
}

function typeNumber(list: readonly SetField[]): number {
  return list.reduce((number, field) => (number << TYPE_BITS) | fields[field].type, 0);
}

/** In concatenations each field takes a multiple of four bytes. */
function lengthOf(list: readonly SetField[]): number {
  const lengths = list.map((field) => fields[field].bytes);
  return list.length === 1 ? (lengths[0] ?? 0) : lengths.reduce((sum, bytes) => sum + ((bytes + 3) & ~3), 0);
}

function fieldLengths(list: readonly SetField[]): Attribute {
  const lengths = list.map((field) =>
    nestedAttribute(1, bigU32Attribute(NFTA_SET_FIELD_LEN, fields[field].bytes)),
  );
  return nestedAttribute(NFTA_SET_DESC, nestedAttribute(NFTA_SET_DESC_CONCAT, ...lengths));
}

/** By this nft lists the set as it would write it. */
function userData({ key, data, dataInterval }: SetType): Uint8Array {
  const entry = (type: number, value: number): readonly number[] => [type, 4, value, 0, 0, 0];
  return Uint8Array.from([
    ...entry(UDATA_KEY_BYTE_ORDER, byteOrderOf(key)),
    ...(data === undefined ? [] : entry(UDATA_DATA_BYTE_ORDER, byteOrderOf(data))),
    ...(data === undefined ? [] : entry(UDATA_DATA_INTERVAL, dataInterval === true ? 1 : 0)),
  ]);
}

function byteOrderOf([first, ...others]: readonly SetField[]): number {
  return first === undefined || others.length > 0 ? byteOrders.mixed : byteOrders[fields[first].byteOrder];
}

function toMember(element: SetElement): FirewallSetCopy["elements"][number] {
  const { key, keyEnd, data, isEnd } = element;
  return {
    raw: encodeElement(element),
    key: Buffer.from(key),
    keyEnd: keyEnd && Buffer.from(keyEnd),
    flags: isEnd === true ? 1 : 0,
    data: data && Buffer.from(data),
  };
}
