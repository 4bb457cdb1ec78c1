import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import type { AddressPool } from "../spec/address-pool.ts";
import { parseIpPrefix, type IpPrefix } from "../spec/ip-address.ts";

/** Private networks that Docker takes from, too. */
const bases4: readonly (readonly [string, number])[] = [
  ["172.16.0.0/12", 16],
  ["192.168.0.0/16", 20],
];

/**
 * The address pools for networks without a configured subnet. Engines with different data roots start at different
 * subnets, so that they rarely collide; each has its own IPv6 prefix. SPEC: RFC 4193 (ULA)
 */
export function defaultPools(dataRoot: string): readonly AddressPool[] {
  return poolsOf(createHash("sha256").update(realpathSync(dataRoot)).digest());
}

/** Pure: from 32 bytes of a hash. */
export function poolsOf(hash: Uint8Array): readonly AddressPool[] {
  const bytes = Buffer.from(hash);
  const ula = bytes.readUIntBE(0, 5).toString(16).padStart(10, "0");
  const base6 = `fd${ula.slice(0, 2)}:${ula.slice(2, 6)}:${ula.slice(6, 10)}::/48`;
  const pools4 = bases4.flatMap(([text, size]) => {
    const base = parseIpPrefix(text);
    const count = 2 ** (size - base.bits);
    // The first of 172.16/12 is left to last: many a LAN is there. So is Docker's own, the second.
    const start = 2 + (bytes.readUInt16BE(8) % (count - 2));
    return Array.from({ length: count }, (_, at) => ({
      base: nth({ base, size }, (start + at) % count),
      size,
    }));
  });
  return [...pools4, { base: parseIpPrefix(base6), size: 64 }];
}

/** The pools of the settings; for a family that they lack, the default ones. */
export function choosePools(
  settings: readonly AddressPool[],
  defaults: readonly AddressPool[],
): readonly AddressPool[] {
  const families = new Set(settings.map(({ base }) => base.address.family));
  return [...settings, ...defaults.filter(({ base }) => !families.has(base.address.family))];
}

/** The pool's subnet number `at`. */
export function nth({ base, size }: AddressPool, at: number): IpPrefix {
  const width = base.address.family === 4 ? 32 : 128;
  return {
    address: {
      family: base.address.family,
      value: base.address.value + (BigInt(at) << BigInt(width - size)),
    },
    bits: size,
  };
}
