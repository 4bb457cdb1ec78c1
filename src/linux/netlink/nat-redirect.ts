import { encodeIpAddress, type IpAddress } from "../../spec/ip-address.ts";
import {
  type Attribute,
  bigU32Attribute,
  bytesAttribute,
  nestedAttribute,
  textAttribute,
} from "./attributes.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, type NetlinkRequest } from "./message.ts";

/** What goes to a port of a local IPv4 address goes to another port of it. */
export interface NatRedirect {
  readonly address: IpAddress;
  readonly port: number;
  readonly toPort: number;
}

// SPEC: linux/netfilter/nfnetlink.h, nf_tables.h
const subsystem = 10;
const batchBegin = 0x10;
const batchEnd = 0x11;
const nft = { newTable: 0, deleteTable: 2, newChain: 3, newRule: 6 } as const;
const familyIp = 2;
const hookOutput = 3;
const priorityDnat = -100;
const networkHeader = 1;
const transportHeader = 2;
const metaProtocol = 16;
const protocols = [17, 6]; // udp, tcp

/**
 * One transaction: a table of our own that changes the port of what is sent from here, for UDP and TCP. With `replace`, in
 * place of the table of that name; else there must be none (EEXIST).
 */
export function encodeNatRedirect(
  table: string,
  { replace, ...redirect }: NatRedirect & { readonly replace: boolean },
): readonly NetlinkRequest[] {
  const about = "redirect a port";
  const request = (type: number, flags: number, ...attributes: readonly Attribute[]): NetlinkRequest => ({
    type: (subsystem << 8) | type,
    flags,
    about,
    payload: Buffer.concat([Buffer.of(familyIp, 0, 0, 0), ...attributes]),
  });
  const edge = (type: number): NetlinkRequest => ({
    type,
    flags: 0,
    about,
    payload: Buffer.of(0, 0, 0, subsystem),
  });
  const chain = "output";
  return [
    edge(batchBegin),
    ...(replace ? [request(nft.deleteTable, 0, textAttribute(1, table))] : []),
    request(nft.newTable, NLM_F_CREATE | NLM_F_EXCL, textAttribute(1, table)),
    request(
      nft.newChain,
      NLM_F_CREATE,
      textAttribute(1, table),
      textAttribute(3, chain),
      nestedAttribute(4, bigU32Attribute(1, hookOutput), bigU32Attribute(2, priorityDnat >>> 0)),
      textAttribute(7, "nat"),
    ),
    ...protocols.map((protocol) =>
      request(
        nft.newRule,
        NLM_F_CREATE | NLM_F_APPEND,
        textAttribute(1, table),
        textAttribute(2, chain),
        nestedAttribute(4, ...redirectExpressions(protocol, redirect)),
      ),
    ),
    edge(batchEnd),
  ];
}

/** `ip daddr ADDRESS PROTOCOL dport PORT dnat to ADDRESS:TOPORT` */
function redirectExpressions(protocol: number, { address, port, toPort }: NatRedirect): readonly Attribute[] {
  const bytes = encodeIpAddress(address);
  return [
    expression("meta", bigU32Attribute(1, 1), bigU32Attribute(2, metaProtocol)),
    isEqual(Uint8Array.of(protocol)),
    loadPayload({ base: networkHeader, offset: 16, length: 4 }),
    isEqual(bytes),
    loadPayload({ base: transportHeader, offset: 2, length: 2 }),
    isEqual(portBytes(port)),
    loadValue(1, bytes),
    loadValue(2, portBytes(toPort)),
    expression(
      "nat",
      bigU32Attribute(1, 1), // the destination
      bigU32Attribute(2, familyIp),
      bigU32Attribute(3, 1),
      bigU32Attribute(5, 2),
    ),
  ];
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}

function expression(name: string, ...data: readonly Attribute[]): Attribute {
  return nestedAttribute(1, textAttribute(1, name), nestedAttribute(2, ...data));
}

function value(type: number, bytes: Uint8Array): Attribute {
  return nestedAttribute(type, bytesAttribute(1, bytes));
}

/** Register 1. */
function isEqual(bytes: Uint8Array): Attribute {
  return expression("cmp", bigU32Attribute(1, 1), bigU32Attribute(2, 0), value(3, bytes));
}

function loadPayload(part: {
  readonly base: number;
  readonly offset: number;
  readonly length: number;
}): Attribute {
  return expression(
    "payload",
    bigU32Attribute(1, 1),
    bigU32Attribute(2, part.base),
    bigU32Attribute(3, part.offset),
    bigU32Attribute(4, part.length),
  );
}

function loadValue(register: number, bytes: Uint8Array): Attribute {
  return expression("immediate", bigU32Attribute(1, register), value(2, bytes));
}
