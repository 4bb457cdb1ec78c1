import type { IpamConfig } from "../../api/types/network.ts";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { hasAddress, type IpPrefix, overlap, parseIpAddress, parseIpPrefix } from "../../spec/ip-address.ts";

export interface PoolFlags {
  readonly subnets: readonly string[];
  readonly ranges: readonly string[];
  readonly gateways: readonly string[];
  readonly auxiliary: Readonly<Record<string, string>>;
}

/** Each range, gateway and auxiliary address goes to the subnet that has it. Throws "invalid" in Docker's words. */
export function toPools({ subnets, ranges, gateways, auxiliary }: PoolFlags): readonly IpamConfig[] {
  if (subnets.length === 0 && (ranges.length > 0 || gateways.length > 0)) {
    throw new Failure("invalid", "every ip-range or gateway must have a corresponding subnet");
  }
  const pools = subnets.map((text) => ({ text, prefix: read(parseIpPrefix, text) }));
  for (const [at, { prefix, text }] of pools.entries()) {
    const other = pools.slice(0, at).find((pool) => overlap(pool.prefix, prefix));
    if (other !== undefined)
      throw new Failure(
        "invalid",
        `multiple overlapping subnet configuration is not supported: ${other.text} and ${text}`,
      );
  }
  const found = new Map<string, { -readonly [K in keyof IpamConfig]: IpamConfig[K] }>(
    subnets.map((text) => [text, { Subnet: text }]),
  );
  const poolOf = (
    what: string,
    isIn: (prefix: IpPrefix) => boolean,
  ): { -readonly [K in keyof IpamConfig]: IpamConfig[K] } => {
    const pool = pools.find(({ prefix }) => isIn(prefix));
    const config = pool === undefined ? undefined : found.get(pool.text);
    if (config === undefined) throw new Failure("invalid", `no matching subnet for ${what}`);
    return config;
  };
  for (const text of ranges) {
    const range = read(parseIpPrefix, text);
    const pool = poolOf(
      `range ${text}`,
      (prefix) => hasAddress(prefix, range.address) && range.bits >= prefix.bits,
    );
    if (pool.IPRange !== undefined) {
      throw new Failure(
        "invalid",
        `cannot configure multiple ranges (${text}, ${pool.IPRange}) on the same subnet (${pool.Subnet})`,
      );
    }
    pool.IPRange = text;
  }
  for (const text of gateways) {
    const gateway = read(parseIpAddress, text);
    const pool = poolOf(`gateway ${text}`, (prefix) => hasAddress(prefix, gateway));
    if (pool.Gateway !== undefined) {
      throw new Failure(
        "invalid",
        `cannot configure multiple gateways (${text}, ${pool.Gateway}) for the same subnet (${pool.Subnet})`,
      );
    }
    pool.Gateway = text;
  }
  for (const [name, text] of Object.entries(auxiliary)) {
    const address = read(parseIpAddress, text);
    const pool = poolOf(`aux-address ${text}`, (prefix) => hasAddress(prefix, address));
    pool.AuxiliaryAddresses = { ...pool.AuxiliaryAddresses, [name]: text };
  }
  return [...found.values()];
}

function read<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (thrown) {
    throw new Failure("invalid", sentenceOf(thrown));
  }
}
