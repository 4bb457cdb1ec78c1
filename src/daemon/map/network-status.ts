import type { Network } from "../../api/types/network.ts";
import type { NetworkDetails } from "../../model/networks.ts";
import { hasAddress, parseIpAddress, parseIpPrefix } from "../../spec/ip-address.ts";

type SubnetStatus = NonNullable<Network["Status"]>["IPAM"]["Subnets"][string];

/** The largest number below 2⁶⁴: where the API's counts end. */
const mostAddresses = 18_446_744_073_709_549_568;

/** `Status` of `GET /networks/{id}`: by subnet, the addresses that are in use or reserved, and those to be had. */
export function networkStatusOf({ ipam, containers }: NetworkDetails): NonNullable<Network["Status"]> {
  const leased = Object.values(containers).flatMap(({ ipv4, ipv6 }) =>
    [ipv4, ipv6].flatMap((text) => (text === "" ? [] : [parseIpAddress(text.replace(/\/\d+$/, ""))])),
  );
  const subnets = ipam.subnets.flatMap(({ subnet, range, gateway, auxiliary }) => {
    if (subnet === undefined) return [];
    const prefix = parseIpPrefix(subnet);
    const pool = range === undefined ? prefix : parseIpPrefix(range);
    const reserved = [gateway, ...Object.values(auxiliary ?? {})]
      .flatMap((text) => text ?? [])
      .map(parseIpAddress);
    const used = [...leased.filter((address) => hasAddress(prefix, address)), ...reserved];
    // The network's own address, and of IPv4 the one of broadcasts.
    const fixed = prefix.address.family === 4 ? 2 : 1;
    const inPool = used.filter((address) => hasAddress(pool, address)).length + (pool === prefix ? fixed : 0);
    const size = 2 ** ((prefix.address.family === 4 ? 32 : 128) - pool.bits);
    const status: SubnetStatus = {
      IPsInUse: used.length + fixed,
      DynamicIPsAvailable: Math.max(0, Math.min(size - inPool, mostAddresses)),
    };
    return [[subnet, status] as const];
  });
  return { IPAM: { Subnets: Object.fromEntries(subnets) } };
}
