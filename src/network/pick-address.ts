import { Failure } from "../base/failure.ts";
import {
  firstOf,
  formatIpAddress,
  formatIpPrefix,
  hasAddress,
  lastOf,
  type IpAddress,
} from "../spec/ip-address.ts";
import { AddressSet, type TakenAddresses } from "./address-set.ts";
import { isReserved } from "./check-subnet.ts";
import type { NetworkSubnet } from "./types.ts";

export interface AddressWish {
  readonly taken: TakenAddresses;
  readonly wanted?: IpAddress | undefined;
  /** The search begins behind it and comes round: an address that was given back rests for a while. */
  readonly after?: IpAddress | undefined;
}

/**
 * A free address of the subnet: out of its range, unless a certain one is wanted, which may be anywhere in the subnet.
 * Throws "invalid" for a foreign one, "conflict" for one that is taken, "exhausted".
 */
export function pickAddress(subnet: NetworkSubnet, { taken, wanted, after }: AddressWish): IpAddress {
  const held = new AddressSet(Object.values(subnet.auxiliary));
  if (subnet.gateway !== undefined) held.add(subnet.gateway);
  if (wanted !== undefined) return checked(subnet, wanted, { taken, held });
  const pool = subnet.range ?? subnet.subnet;
  const first = firstOf(pool).value;
  const last = lastOf(pool).value;
  const { family } = pool.address;
  const start = after === undefined || after.value < first || after.value >= last ? first : after.value + 1n;
  // At most as many are taken as there are marks, so a search is never longer than those and the reserved ones.
  for (let value = start, tries = taken.size + held.size + 3; tries > 0; tries--) {
    const address = { family, value };
    if (!taken.has(address) && !held.has(address) && !isReserved(address, subnet.subnet)) return address;
    value = value === last ? first : value + 1n;
    if (value === start) break;
  }
  throw new Failure("exhausted", `cannot find a free address: all of ${formatIpPrefix(pool)} are in use`);
}

function checked(
  { subnet }: NetworkSubnet,
  wanted: IpAddress,
  { taken, held }: { readonly taken: TakenAddresses; readonly held: TakenAddresses },
): IpAddress {
  const text = formatIpAddress(wanted);
  if (!hasAddress(subnet, wanted)) {
    throw new Failure(
      "invalid",
      `cannot give the address ${text}: it is not inside the subnet ${formatIpPrefix(subnet)}`,
    );
  }
  if (isReserved(wanted, subnet)) {
    throw new Failure(
      "invalid",
      `cannot give the address ${text}: it is the subnet's own or its broadcast address`,
    );
  }
  if (held.has(wanted))
    throw new Failure("conflict", `cannot give the address ${text}: it is the network's gateway or reserved`);
  if (taken.has(wanted))
    throw new Failure("conflict", `cannot give the address ${text}: Address already in use`);
  return wanted;
}
