import type { Complete } from "../../base/defined.ts";
import { type Attribute, u32Attribute } from "./attributes.ts";

// <linux/if_link.h>
const IFLA_GSO_MAX_SIZE = 41;
const IFLA_GRO_MAX_SIZE = 58;
/** KERNEL: since 5.19, as sizes beyond 65536 for IPv6. */
const IFLA_TSO_MAX_SIZE = 59;
/** KERNEL: since 6.3. */
const IFLA_GSO_IPV4_MAX_SIZE = 63;
const IFLA_GRO_IPV4_MAX_SIZE = 64;

/**
 * The largest packets of TCP, in bytes, that go through an interface before they are cut to its MTU, sent and put
 * together, for each family. A family is absent where the kernel can't have more than 65536 for it.
 */
export interface GsoSizes {
  readonly ipv4?: number | undefined;
  readonly ipv6?: number | undefined;
  /** The maximum of the interface, if the kernel reports it. */
  readonly most?: number | undefined;
}

/**
 * Attributes of a link to be made or changed. KERNEL: a size of IPv6 up to 65536 is that of IPv4, too, unless one
 * follows. Kernels before 6.3 have one size for both families, which only IPv6 makes use of beyond 65536.
 */
export function encodeGsoSizes({ ipv4, ipv6 }: GsoSizes): readonly Attribute[] {
  return [
    ...(ipv6 === undefined
      ? []
      : [u32Attribute(IFLA_GSO_MAX_SIZE, ipv6), u32Attribute(IFLA_GRO_MAX_SIZE, ipv6)]),
    ...(ipv4 === undefined
      ? []
      : [u32Attribute(IFLA_GSO_IPV4_MAX_SIZE, ipv4), u32Attribute(IFLA_GRO_IPV4_MAX_SIZE, ipv4)]),
  ];
}

/** Of a link as the kernel lists it. */
export function parseGsoSizes(attributes: ReadonlyMap<number, Buffer>): GsoSizes {
  const ipv4 = attributes.get(IFLA_GSO_IPV4_MAX_SIZE)?.readUInt32LE(0);
  const ipv6 = attributes.get(IFLA_GSO_MAX_SIZE)?.readUInt32LE(0);
  const most = attributes.get(IFLA_TSO_MAX_SIZE)?.readUInt32LE(0);
  return {
    ipv4,
    ipv6: ipv6 === undefined || most === undefined ? undefined : ipv6,
    most,
  };
}

/** Those of the families that the kernel has sizes for, as far as the link goes whose `known` are. */
export function gsoSizesOf(
  sizes: Complete<Pick<GsoSizes, "ipv4" | "ipv6">>,
  { ipv4, ipv6, most = Infinity }: GsoSizes,
): GsoSizes {
  return {
    ipv4: ipv4 === undefined ? undefined : Math.min(sizes.ipv4, most),
    ipv6: ipv6 === undefined ? undefined : Math.min(sizes.ipv6, most),
  };
}
