import type { HostNetwork } from "../../network/networks.ts";
import type { NetworkPlan } from "../../network/types.ts";
import { plainGsoSize } from "../../spec/gso-max-size.ts";

/** Of internal networks: larger ones gain little more (docs/internals/performance.md). */
const initialSize = 192 * 1024;

/**
 * What a network gets, by what was asked for. By itself only one that nothing leaves, with a bridge of its own: on the
 * way out by an interface that takes 65536, larger packets are cut by the processor. KERNEL: those of IPv6 have a
 * header more, which is counted against the MTU of who forwards them (seen with 6.18): none gets through, so they are
 * for internal networks, where they are asked for.
 */
export function chooseGsoSizes(
  asked: number | undefined,
  network: { readonly driver: string; readonly internal: boolean; readonly ownBridge: boolean },
): NetworkPlan["gsoMaxSizes"] {
  const { driver, internal, ownBridge } = network;
  if (asked === plainGsoSize) return undefined;
  if (asked !== undefined) return internal ? { ipv4: asked, ipv6: asked } : { ipv4: asked };
  return driver === "bridge" && internal && ownBridge ? { ipv4: initialSize } : undefined;
}

/** Where the kernel can't do what was asked for; it runs without. */
export function warnOfSmallTcp(
  asked: {
    readonly ipv4: boolean;
    readonly ipv6: boolean;
    readonly internal: boolean;
    readonly gsoMaxSize: number | undefined;
  },
  { largeTcp }: Pick<HostNetwork, "largeTcp">,
): readonly string[] {
  const { ipv4, ipv6, internal, gsoMaxSize } = asked;
  if (gsoMaxSize === undefined || gsoMaxSize === plainGsoSize) return [];
  const say = (family: string, reason: string): string => `gso_max_size has no effect for ${family}${reason}`;
  return [
    ...(ipv4 && !largeTcp.ipv4 ? [say("IPv4", " on this kernel: it needs Linux 6.3")] : []),
    ...(ipv6 && !internal
      ? [say("IPv6", ": larger packets are not forwarded, so it needs an internal network")]
      : []),
    ...(ipv6 && internal && !largeTcp.ipv6 ? [say("IPv6", " on this kernel: it needs Linux 5.19")] : []),
  ];
}
