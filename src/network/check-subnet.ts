import { Failure } from "../base/failure.ts";
import {
  firstOf,
  formatIpAddress,
  formatIpPrefix,
  hasAddress,
  lastOf,
  widthOf,
  type IpAddress,
  type IpPrefix,
} from "../spec/ip-address.ts";
import type { NetworkSubnet } from "./types.ts";

export interface SubnetWish {
  readonly subnet: IpPrefix;
  readonly gateway?: IpAddress | undefined;
  readonly range?: IpPrefix | undefined;
  readonly auxiliary?: Readonly<Record<string, IpAddress>> | undefined;
}

/**
 * A wish for a subnet, checked against itself, with its gateway: the one asked for, else (`gateway`) the first free
 * address. Throws "invalid".
 */
export function completeSubnet(
  wish: SubnetWish,
  { gateway: needsGateway }: { readonly gateway: boolean },
): NetworkSubnet {
  const { subnet, gateway, range, auxiliary = {} } = wish;
  const text = formatIpPrefix(subnet);
  if (widthOf(subnet.address.family) - subnet.bits < 1) {
    throw new Failure("invalid", `cannot use the subnet "${text}": it has no address for a container`);
  }
  if (range !== undefined && (range.bits < subnet.bits || !hasAddress(subnet, firstOf(range)))) {
    throw new Failure(
      "invalid",
      `cannot use the range "${formatIpPrefix(range)}": it is not inside the subnet "${text}"`,
    );
  }
  if (gateway !== undefined) refuseForeign("gateway", gateway, subnet);
  for (const [name, address] of Object.entries(auxiliary)) {
    refuseForeign(`auxiliary address of "${name}"`, address, subnet);
    if (gateway?.value === address.value) {
      throw new Failure(
        "invalid",
        `cannot use ${formatIpAddress(address)} as the auxiliary address of "${name}": it is the gateway`,
      );
    }
  }
  refuseTwice(auxiliary);
  const chosen = gateway ?? (needsGateway ? firstFree(wish) : undefined);
  return {
    subnet,
    auxiliary,
    range,
    gateway: chosen,
  };
}

function refuseForeign(what: string, address: IpAddress, subnet: IpPrefix): void {
  const sentence = `cannot use ${formatIpAddress(address)} as the ${what}`;
  if (!hasAddress(subnet, address)) {
    throw new Failure("invalid", `${sentence}: it is not inside the subnet "${formatIpPrefix(subnet)}"`);
  }
  if (isReserved(address, subnet)) {
    throw new Failure("invalid", `${sentence}: it is the subnet's own or its broadcast address`);
  }
}

function refuseTwice(auxiliary: Readonly<Record<string, IpAddress>>): void {
  const seen = new Map<bigint, string>();
  for (const [name, { value, family }] of Object.entries(auxiliary)) {
    const other = seen.get(value);
    if (other !== undefined) {
      throw new Failure(
        "invalid",
        `cannot use ${formatIpAddress({ family, value })} as the auxiliary address of "${name}": it is that of "${other}"`,
      );
    }
    seen.set(value, name);
  }
}

/** The subnet's first address and, of IPv4, its last; where there are only two, neither is. SPEC: RFC 3021 */
export function isReserved(address: IpAddress, subnet: IpPrefix): boolean {
  if (widthOf(subnet.address.family) - subnet.bits < 2) return false;
  return (
    address.value === firstOf(subnet).value ||
    (address.family === 4 && address.value === lastOf(subnet).value)
  );
}

/** Docker takes the first of the range, if there is one. */
function firstFree({ subnet, range, auxiliary = {} }: SubnetWish): IpAddress {
  const taken = new Set(Object.values(auxiliary).map(({ value }) => value));
  for (let value = firstOf(range ?? subnet).value; value <= lastOf(subnet).value; value++) {
    const address = { family: subnet.address.family, value };
    if (!isReserved(address, subnet) && !taken.has(value)) return address;
  }
  throw new Failure(
    "invalid",
    `cannot use the subnet "${formatIpPrefix(subnet)}": no address is left for its gateway`,
  );
}
