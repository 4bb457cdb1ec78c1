import { Failure } from "../base/failure.ts";
import { overlap, type IpFamily, type IpPrefix } from "../spec/ip-address.ts";
import { nth } from "./default-pools.ts";
import type { AddressPool } from "../spec/address-pool.ts";

/** A limit: a pool of IPv6 contains too many subnets to try all. */
const MOST_TRIED = 65_536;

/** The first subnet of the pools that meets none in use: the host's routes, the other networks. Throws "exhausted". */
export function pickSubnet(
  family: IpFamily,
  { pools, used }: { readonly pools: readonly AddressPool[]; readonly used: readonly IpPrefix[] },
): IpPrefix {
  for (const pool of pools) {
    if (pool.base.address.family !== family) continue;
    const count = Math.min(2 ** (pool.size - pool.base.bits), MOST_TRIED);
    for (let at = 0; at < count; at++) {
      const subnet = nth(pool, at);
      if (findOverlap(subnet, used) === undefined) return subnet;
    }
  }
  throw new Failure(
    "exhausted",
    `cannot find a subnet: all predefined address pools of IPv${family} are in use; name one with --subnet`,
  );
}

/** The first of those in use that has an address in common with the prefix. */
export function findOverlap(prefix: IpPrefix, used: readonly IpPrefix[]): IpPrefix | undefined {
  return used.find((other) => overlap(prefix, other));
}
