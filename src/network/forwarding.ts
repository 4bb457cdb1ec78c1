import { readdirSync } from "node:fs";
import { Failure } from "../base/failure.ts";
import { findNetworkSysctl, writeNetworkSysctl } from "../linux/netlink/interface-sysctls.ts";

/**
 * Enables forwarding on the host when it is needed, and reports it; it never disables it, because other software may
 * need it by then.
 */
export function ensureForwarding(
  families: { readonly ipv4: boolean; readonly ipv6: boolean },
  note: (sentence: string) => void,
): void {
  if (families.ipv4 && findNetworkSysctl("net.ipv4.ip_forward") !== "1") {
    writeNetworkSysctl("net.ipv4.ip_forward", "1");
    note("net.ipv4.ip_forward was switched on: containers' packets are passed on");
  }
  if (!families.ipv6) return;
  const now = findNetworkSysctl("net.ipv6.conf.all.forwarding");
  if (now === undefined)
    throw new Failure("unsupported", "cannot make a network with IPv6: this kernel runs without IPv6");
  if (now === "1") return;
  // KERNEL: a host that forwards ignores routers' advertisements unless accept_ra is 2, and would lose its own route
  // out.
  const kept = readdirSync("/proc/sys/net/ipv6/conf").filter(
    (name) => findNetworkSysctl(`net/ipv6/conf/${name}/accept_ra`) === "1",
  );
  for (const name of kept) writeNetworkSysctl(`net/ipv6/conf/${name}/accept_ra`, "2");
  writeNetworkSysctl("net.ipv6.conf.all.forwarding", "1");
  note(
    "net.ipv6.conf.all.forwarding was switched on: containers' packets are passed on; interfaces that heeded router advertisements go on doing so (accept_ra=2)",
  );
}
