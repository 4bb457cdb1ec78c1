import { isIPv4, isIPv6 } from "node:net";
import { Failure } from "../base/failure.ts";

/** The version of the Internet Protocol. */
export type IpFamily = 4 | 6;

/** An address as a number, so that ranges are arithmetic. 32 or 128 bits, by family. */
export interface IpAddress {
  readonly family: IpFamily;
  readonly value: bigint;
}

/** A subnet: the address has no bits set behind `bits`. */
export interface IpPrefix {
  readonly address: IpAddress;
  readonly bits: number;
}

/** Throws "invalid". No zone (`%eth0`), no prefix; an IPv4 address mapped into IPv6 is IPv6. */
export function parseIpAddress(text: string): IpAddress {
  if (isIPv4(text)) return { family: 4, value: join(text.split(".").map(Number), 8n) };
  if (isIPv6(text) && !text.includes("%")) return { family: 6, value: join(wordsOf(text), 16n) };
  throw new Failure("invalid", `cannot read "${text}" as an IP address`);
}

function join(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n);
}

function wordsOf(text: string): readonly number[] {
  const [head = "", tail] = text.split("::");
  const first = wordsOfPart(head);
  if (tail === undefined) return first;
  const last = wordsOfPart(tail);
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

function wordsOfPart(part: string): readonly number[] {
  if (part === "") return [];
  return part.split(":").flatMap((word) => {
    if (!word.includes(".")) return [Number.parseInt(word, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = word.split(".").map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** IPv6 as RFC 5952 writes it: lower case, the longest run of two or more zero words as `::`. */
export function formatIpAddress({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
  const words = Array.from({ length: 8 }, (_, at) => Number((value >> BigInt(112 - at * 16)) & 0xffffn));
  let run = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && words[at + length] === 0) length++;
    if (length > run.length) run = { at, length };
  }
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  if (run.at < 0) return hex(words);
  return `${hex(words.slice(0, run.at))}::${hex(words.slice(run.at + run.length))}`;
}

/** In network byte order: 4 or 16 bytes. */
export function encodeIpAddress({ family, value }: IpAddress): Uint8Array {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  for (let at = bytes.length - 1, rest = value; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}

/** From 4 or 16 bytes in network byte order. */
export function decodeIpAddress(bytes: Uint8Array): IpAddress {
  return { family: bytes.length === 4 ? 4 : 6, value: join([...bytes], 8n) };
}

/** `10.1.0.0/16`. Throws "invalid"; bits behind the prefix are cut off, as Docker does, unless `strict`. */
export function parseIpPrefix(
  text: string,
  { strict = false }: { readonly strict?: boolean | undefined } = {},
): IpPrefix {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = parseIpAddress(match?.[1] ?? text);
  const bits = match === null ? -1 : Number(match[2]);
  if (bits < 0 || bits > widthOf(address.family)) {
    throw new Failure("invalid", `cannot read "${text}" as a subnet: it takes the form ADDRESS/BITS`);
  }
  const first = firstOf({ address, bits });
  if (strict && first.value !== address.value) {
    throw new Failure(
      "invalid",
      `cannot use the subnet "${text}": it should be "${formatIpAddress(first)}/${bits}"`,
    );
  }
  return { address: first, bits };
}

export function formatIpPrefix({ address, bits }: IpPrefix): string {
  return `${formatIpAddress(address)}/${bits}`;
}

/** 32 or 128. */
export function widthOf(family: IpFamily): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** The first address of the subnet that has this address: the network's own. */
export function firstOf({ address, bits }: IpPrefix): IpAddress {
  const rest = BigInt(widthOf(address.family) - bits);
  return { family: address.family, value: (address.value >> rest) << rest };
}

/** The last one: of IPv4, the broadcast address. */
export function lastOf(prefix: IpPrefix): IpAddress {
  const rest = BigInt(widthOf(prefix.address.family) - prefix.bits);
  return { family: prefix.address.family, value: firstOf(prefix).value | ((1n << rest) - 1n) };
}

export function hasAddress(prefix: IpPrefix, { family, value }: IpAddress): boolean {
  return family === prefix.address.family && value >= firstOf(prefix).value && value <= lastOf(prefix).value;
}

export function overlap(one: IpPrefix, other: IpPrefix): boolean {
  return hasAddress(one, firstOf(other)) || hasAddress(other, firstOf(one));
}
