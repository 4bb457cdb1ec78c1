import {
  isEqual,
  loadMeta,
  loadPayload,
  nfprotoOf,
  type PayloadPart,
  writePayload,
} from "../../linux/nftables/expressions.ts";
import type { Expression } from "../../linux/nftables/rules.ts";
import type { IpFamily } from "../../spec/ip-address.ts";

/** Addresses in the network header. */
const addresses = {
  4: { source: 12, destination: 16, length: 4 },
  6: { source: 8, destination: 24, length: 16 },
} as const;
/** TCP, UDP and SCTP have it at the same place. */
const destinationPort: PayloadPart = { base: "transport", offset: 2, length: 2 };
const messageType: PayloadPart = { base: "transport", offset: 0, length: 1 };
const echoRequest = { 4: { protocol: 1, type: 8 }, 6: { protocol: 58, type: 128 } } as const;
const IPV4_CHECKSUM_OFFSET = 10;

export type AddressField = "source" | "destination";

function addressPart(field: AddressField, family: IpFamily): PayloadPart {
  return { base: "network", offset: addresses[family][field], length: addresses[family].length };
}

/** Words of four bytes that an address takes. */
export function addressWords(family: IpFamily): number {
  return addresses[family].length / 4;
}

/** Ends the rule for packets of the other family. */
export function isFamily(family: IpFamily): readonly Expression[] {
  return [loadMeta("nfproto"), isEqual(Uint8Array.of(nfprotoOf(family)))];
}

export function loadAddress(field: AddressField, family: IpFamily, word = 0): Expression {
  return loadPayload(addressPart(field, family), word);
}

/** `bytes`: all of the address, or its first ones, which are a prefix. */
export function hasAddress(
  field: AddressField,
  { family, bytes }: { readonly family: IpFamily; readonly bytes: Uint8Array },
): readonly Expression[] {
  return [loadPayload({ ...addressPart(field, family), length: bytes.length }), isEqual(bytes)];
}

/** The address becomes what was loaded. */
export function replaceAddress(field: AddressField, family: IpFamily): Expression {
  return writePayload(
    addressPart(field, family),
    family === 4 ? { checksumOffset: IPV4_CHECKSUM_OFFSET } : {},
  );
}

export function loadProtocolAndPort(word = 0): readonly Expression[] {
  return [loadMeta("l4proto", word), loadPayload(destinationPort, word + 1)];
}

/** Ends the rule unless the packet is a ping. */
export function isEchoRequest(family: IpFamily): readonly Expression[] {
  const { protocol, type } = echoRequest[family];
  return [
    loadMeta("l4proto"),
    isEqual(Uint8Array.of(protocol)),
    loadPayload(messageType),
    isEqual(Uint8Array.of(type)),
  ];
}
