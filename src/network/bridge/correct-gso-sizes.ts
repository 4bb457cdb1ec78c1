import { type GsoSizes, gsoSizesOf } from "../../linux/netlink/gso-sizes.ts";
import { type Link, type NetlinkRequest, setGsoSizes } from "../../linux/netlink/links.ts";
import { plainGsoSize } from "../../spec/gso-max-size.ts";
import type { NetworkPlan } from "../types.ts";

/** The intended sizes of a link of the network, for the families that the kernel reports. */
export function wantedGsoSizes({ gsoMaxSizes = {} }: NetworkPlan, link: Link): GsoSizes {
  return gsoSizesOf(
    { ipv4: gsoMaxSizes.ipv4 ?? plainGsoSize, ipv6: gsoMaxSizes.ipv6 ?? plainGsoSize },
    link.gsoSizes,
  );
}

/**
 * A bridge that is about to get a port. KERNEL: what it can have at most is what its ports can, and little without any.
 */
export function withNextPort(bridge: Link): Link {
  const { most: _, ...gsoSizes } = bridge.gsoSizes;
  return { ...bridge, gsoSizes };
}

/** Empty where the link has what it should. */
export function correctGsoSizes(plan: NetworkPlan, link: Link): readonly NetlinkRequest[] {
  const wanted = wantedGsoSizes(plan, link);
  const isRight = wanted.ipv4 === link.gsoSizes.ipv4 && wanted.ipv6 === link.gsoSizes.ipv6;
  return isRight ? [] : [setGsoSizes(link.name, wanted)];
}
