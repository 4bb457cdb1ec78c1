import { createHash } from "node:crypto";
import { Failure } from "../base/failure.ts";
import { encodeIpAddress, type IpAddress } from "../spec/ip-address.ts";

/**
 * Derived from the address, so that the neighbor caches of other hosts stay valid when a container takes an address
 * over: from IPv4 as Docker did, from IPv6 by a hash of the address with `seed` (the network).
 */
export function macAddressOf(address: IpAddress, { seed }: { readonly seed: string }): string {
  const bytes = encodeIpAddress(address);
  const tail =
    address.family === 4 ? bytes : createHash("sha256").update(seed).update(bytes).digest().subarray(0, 4);
  return formatMac([0x02, 0x42, ...tail]);
}

function formatMac(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** `02-42-AC-11-00-02` and the like → `02:42:ac:11:00:02`. Throws "invalid". */
export function parseMacAddress(text: string): string {
  const parts = text.split(/[:-]/);
  const bytes = parts.map((part) => (/^[0-9a-fA-F]{2}$/.test(part) ? Number.parseInt(part, 16) : -1));
  const sentence = `cannot use "${text}" as a MAC address`;
  if (bytes.length !== 6 || bytes.includes(-1)) {
    throw new Failure("invalid", `${sentence}: it takes the form 02:42:ac:11:00:02`);
  }
  if (((bytes[0] ?? 0) & 1) === 1)
    throw new Failure("invalid", `${sentence}: it is a group's, not one interface's`);
  if (bytes.every((byte) => byte === 0)) throw new Failure("invalid", `${sentence}: it is all zeros`);
  return formatMac(bytes);
}
