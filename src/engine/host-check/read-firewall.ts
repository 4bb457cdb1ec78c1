import { existsSync } from "node:fs";
import { hasNfTables } from "../../linux/nftables/support.ts";
import { surveyForwarding } from "../../network/survey-forwarding.ts";
import type { FirewallFacts } from "./facts.ts";
import { findSysctl, findText } from "./read-text.ts";

/** A question to nf_tables would load its module: without it, there are no chains of it either. */
export function readFirewall({
  isPrivileged,
  isLoaded,
}: {
  readonly isPrivileged: boolean;
  readonly isLoaded: boolean;
}): FirewallFacts {
  const tables = findText("/proc/net/ip_tables_names");
  const isAbsent = !existsSync("/proc/net/ip_tables_names");
  const nfTables = isPrivileged ? findNfTables(isLoaded) : undefined;
  return {
    nfTables,
    forwards: findSysctl("net.ipv4.ip_forward") === 1,
    filtersBridges: findSysctl("net.bridge.bridge-nf-call-iptables") === 1,
    shutChains: findChains(nfTables),
    legacyTables: isAbsent ? [] : tables?.split("\n").filter((name) => name !== ""),
    managers: [
      ...(existsSync("/run/firewalld") || existsSync("/run/firewalld.pid") ? ["firewalld"] : []),
      ...(/^ENABLED=yes/im.test(findText("/etc/ufw/ufw.conf") ?? "") ? ["ufw"] : []),
      ...(existsSync("/run/docker.pid") ? ["docker"] : []),
      ...(existsSync("/etc/systemd/system/sysinit.target.wants/nftables.service") ? ["nftables"] : []),
    ],
  };
}

function findNfTables(isLoaded: boolean): NonNullable<FirewallFacts["nfTables"]> {
  if (!isLoaded) return "unloaded";
  return hasNfTables() ? "works" : "refused";
}

function findChains(nfTables: FirewallFacts["nfTables"]): FirewallFacts["shutChains"] {
  if (nfTables === undefined) return undefined;
  if (nfTables !== "works") return [];
  return surveyForwarding().map(({ chainName, direction }) => ({ chainName, direction }));
}
