import { encodeIpAddress, type IpAddress } from "../../spec/ip-address.ts";
import {
  type Attribute,
  bigU32Attribute,
  bytesAttribute,
  nestedAttribute,
  textAttribute,
} from "./attributes.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, type NetlinkRequest } from "./message.ts";

/** Redirects packets for a port of a local IPv4 address to another port of it; replies come from the first one. */
export interface PortRedirect {
  readonly address: IpAddress;
  readonly port: number;
  readonly toPort: number;
}

/**
 * Where packets are looked at: as `lo` receives them (`CONFIG_NF_TABLES_NETDEV`), which no other packet is held up by,
 * or as any packet of the namespace is sent. (A sender's small packets of UDP lose 4 to 6 % of their number by being
 * looked at.)
 */
export type RedirectHook = "loopback-ingress" | "output";

// SPEC: linux/netfilter/nfnetlink.h, nf_tables.h
const subsystem = 10;
const batchBegin = 0x10;
const batchEnd = 0x11;
const nft = { newTable: 0, deleteTable: 2, newChain: 3, newRule: 6 } as const;
const hooks = {
  "loopback-ingress": { family: 5, chain: "loopback", number: 0, priority: 0, device: "lo" },
  output: { family: 2, chain: "output", number: 3, priority: -100, device: undefined },
} as const;
const acceptPolicy = 1;
const networkHeader = 1;
const transportHeader = 2;
const [metaProtocol, metaOutInterface, metaTransportProtocol] = [1, 5, 16];
const ethertypeIp = Uint8Array.of(0x08, 0x00);
const verdictRegister = 0;
const acceptVerdict = 1;
const isDifferent = 1;
/** Where the ports lie in headers of both. */
const [sourcePort, destinationPort] = [0, 2];
const [sourceAddress, destinationAddress] = [12, 16];
/** UDP, which may have no checksum: the kernel looks for it. TCP, whose checksum has a place. */
const protocols = [
  { number: 17, checksum: { type: 0, offset: 0, flags: 1 } },
  { number: 6, checksum: { type: 1, offset: 16, flags: 0 } },
] as const;

/**
 * One transaction: a table of our own that changes the port of what is sent from here to here, for UDP and TCP. With
 * `replace`, in place of the table of that name; else there must be none (EEXIST). EOPNOTSUPP: the kernel lacks the
 * hook.
 */
export function encodePortRedirect(
  table: string,
  redirect: PortRedirect & { readonly hook: RedirectHook; readonly replace: boolean },
): readonly NetlinkRequest[] {
  const about = "redirect a port";
  const { family, chain, number, priority, device } = hooks[redirect.hook];
  const request = (type: number, flags: number, ...attributes: readonly Attribute[]): NetlinkRequest => ({
    type: (subsystem << 8) | type,
    flags,
    about,
    payload: Buffer.concat([Buffer.of(family, 0, 0, 0), ...attributes]),
  });
  const edge = (type: number): NetlinkRequest => ({
    type,
    flags: 0,
    about,
    payload: Buffer.of(0, 0, 0, subsystem),
  });
  return [
    edge(batchBegin),
    ...(redirect.replace ? [request(nft.deleteTable, 0, textAttribute(1, table))] : []),
    request(nft.newTable, NLM_F_CREATE | NLM_F_EXCL, textAttribute(1, table)),
    request(
      nft.newChain,
      NLM_F_CREATE,
      textAttribute(1, table),
      textAttribute(3, chain),
      nestedAttribute(
        4,
        bigU32Attribute(1, number),
        bigU32Attribute(2, priority >>> 0),
        ...(device === undefined ? [] : [textAttribute(3, device)]),
      ),
      bigU32Attribute(5, acceptPolicy),
      textAttribute(7, "filter"),
    ),
    ...[
      ...(redirect.hook === "output" ? [leavesOtherwise()] : []),
      ...protocols.flatMap((protocol) => portRules(protocol, redirect)),
    ].map((expressions) =>
      request(
        nft.newRule,
        NLM_F_CREATE | NLM_F_APPEND,
        textAttribute(1, table),
        textAttribute(2, chain),
        nestedAttribute(4, ...expressions),
      ),
    ),
    edge(batchEnd),
  ];
}

/**
 * `oif != lo accept`: what goes to no address of its own is let be at once. KERNEL: `lo` is the first interface of each
 * namespace.
 */
function leavesOtherwise(): readonly Attribute[] {
  const verdict = nestedAttribute(2, bigU32Attribute(1, acceptVerdict));
  return [
    loadMeta(metaOutInterface),
    compare(isDifferent, Uint8Array.of(1, 0, 0, 0)),
    expression("immediate", bigU32Attribute(1, verdictRegister), nestedAttribute(2, verdict)),
  ];
}

/**
 * `ip daddr ADDRESS PROTOCOL dport PORT PROTOCOL dport set TOPORT`, and the way back for the source; as nft writes
 * them, so that it reads them.
 */
function portRules(
  { number, checksum }: (typeof protocols)[number],
  { address, port, toPort, hook }: PortRedirect & { readonly hook: RedirectHook },
): readonly (readonly Attribute[])[] {
  const rule = (
    target: { readonly address: number; readonly port: number },
    ports: { readonly from: number; readonly to: number },
  ): readonly Attribute[] => [
    ...(hook === "output" ? [] : [loadMeta(metaProtocol), isEqual(ethertypeIp)]),
    loadPayload({ base: networkHeader, offset: target.address, length: 4 }),
    isEqual(encodeIpAddress(address)),
    loadMeta(metaTransportProtocol),
    isEqual(Uint8Array.of(number)),
    loadPayload({ base: transportHeader, offset: target.port, length: 2 }),
    isEqual(portBytes(ports.from)),
    loadValue(1, portBytes(ports.to)),
    expression(
      "payload",
      bigU32Attribute(5, 1),
      bigU32Attribute(2, transportHeader),
      bigU32Attribute(3, target.port),
      bigU32Attribute(4, 2),
      bigU32Attribute(6, checksum.type),
      bigU32Attribute(7, checksum.offset),
      bigU32Attribute(8, checksum.flags),
    ),
  ];
  return [
    rule({ address: destinationAddress, port: destinationPort }, { from: port, to: toPort }),
    rule({ address: sourceAddress, port: sourcePort }, { from: toPort, to: port }),
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

function isEqual(bytes: Uint8Array): Attribute {
  return compare(0, bytes);
}

/** Register 1, as all that loads here. */
function compare(how: number, bytes: Uint8Array): Attribute {
  return expression("cmp", bigU32Attribute(1, 1), bigU32Attribute(2, how), value(3, bytes));
}

function loadMeta(key: number): Attribute {
  return expression("meta", bigU32Attribute(1, 1), bigU32Attribute(2, key));
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
