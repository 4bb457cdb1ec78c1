import type { HostFinding } from "../../model/host-check.ts";
import type { HostFacts } from "./facts.ts";
import { inGroup } from "./finding.ts";

const resolver = inGroup("resolver");

/** Pure. */
export function findResolverFaults({
  resolver: { hasFile, servers, upstreams },
}: HostFacts): readonly HostFinding[] {
  const affects = "names of other hosts, in containers";
  if (!hasFile || upstreams.length === 0) {
    return [
      resolver("name servers", hasFile ? "/etc/resolv.conf names none" : "there is no /etc/resolv.conf", {
        status: "warning",
        affects,
        fix: ["tare run --dns ADDRESS IMAGE"],
      }),
    ];
  }
  const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";
  if (!upstreams.every(isLoopback)) {
    return [resolver("name servers", upstreams.join(", "))];
  }
  return [
    resolver("name servers", `only on this host: ${servers.join(", ")}`, {
      status: "info",
      affects:
        "containers of --network none or of a macvlan or ipvlan network, which cannot reach them; others ask through the engine",
      fix: ["tare run --dns ADDRESS IMAGE"],
    }),
  ];
}
