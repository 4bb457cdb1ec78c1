import { encodeIpAddress, type IpAddress } from "../../spec/ip-address.ts";
import type { PortProtocol } from "../../spec/port-range.ts";

export const protocolNumbers: Readonly<Record<PortProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** An interface's name as a key has it. */
export function interfaceKey(name: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(Buffer.from(name).subarray(0, 15));
  return bytes;
}

/** Each field of a concatenation takes a multiple of four bytes. */
export function protocolKey(protocol: PortProtocol): Uint8Array {
  return Uint8Array.of(protocolNumbers[protocol], 0, 0, 0);
}

export function portKey(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff, 0, 0);
}

export function addressKey(address: IpAddress): Uint8Array {
  return encodeIpAddress(address);
}

export function joinKeys(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
