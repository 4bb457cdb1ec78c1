import type { HostNetwork } from "../../network/networks.ts";
import type { NetworkPlan } from "../../network/types.ts";
import { plainGsoSize } from "../../spec/gso-max-size.ts";

/** Of internal networks: larger ones gain little more (docs/internals/performance.md). */
const initialSize = 192 * 1024;

/**
 * Chooses the sizes for a network from the request. By default only a network without access to other hosts, with a
 * bridge of its own, gets large ones: on the way out through an interface that takes 65536, the processor has to split
 * larger packets. KERNEL: IPv6 packets have an additional header, which counts against the MTU of a forwarding host
 * (seen with 6.18): none gets through, so internal networks get them only on request.
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
